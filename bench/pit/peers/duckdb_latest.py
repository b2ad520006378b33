"""DuckDB: ASOF JOIN."""
import duckdb

duckdb.execute("""
    copy (select l.file_row_number as row, l.key, l.t, e.a, e.b, e.c, e.d, e.e
          from read_parquet('labels.parquet', file_row_number = true) l
          asof left join 'events.parquet' e on l.key = e.key and l.t >= e.t)
    to 'out/duckdb_latest.parquet' (format parquet)""")
