#include "features/online/feature_reader.h"

#include <algorithm>
#include <array>

namespace headrace {
namespace {

constexpr size_t kRowsAtOnce = 16;  // whose cells stay in the cache

bool IsPlain(const ViewProgram& program, size_t feature) {
  return program.is_latest_value() ||
         program.outputs[feature / program.windows.size()].kind == Expression::Kind::kColumn;
}

// Of a feature that is plain: its cell, among those of its view.
size_t CellOf(const ViewProgram& program, size_t feature) {
  if (program.is_latest_value()) return feature;
  const size_t windows = program.windows.size();
  return feature % windows * program.aggregates.size() + program.outputs[feature / windows].column;
}

}  // namespace

FeatureTable::FeatureTable(const Schema& outputs, size_t rows) : num_rows_(rows), cells_(rows * outputs.size()) {
  types_.reserve(outputs.size());
  for (const Field& output : outputs) types_.push_back(output.type);
}

Value FeatureTable::GetValue(size_t row, size_t output) const {
  const size_t cell = At(row, output);
  if (cells_.IsNull(cell)) return Value::Null();
  if (types_[output] == TypeId::kDouble) return Value::Double(cells_.Double(cell));
  if (HoldsBytes(types_[output])) return Value::Bytes(types_[output], std::string(cells_.Text(cell)));
  return Value::Integer(types_[output], cells_.Int(cell));
}

Column FeatureTable::GetColumn(size_t output) const {
  Column column(types_[output]);
  for (size_t row = 0; row < num_rows_; ++row) cells_.AppendTo(At(row, output), &column);
  return column;
}

FeatureReader::FeatureReader(const ViewSet& set, const FeaturePlan& plan) {
  for (const ViewProgram* program : plan.event_views) views_.push_back({program, 0, false});
  for (const std::vector<FeaturePlan::Place>& inputs : plan.feature_inputs) {
    for (const FeaturePlan::Place& place : inputs) {
      if (!place.from_request_view) views_[place.view].as_columns = true;
    }
  }
  for (const FeaturePlan::Place& place : plan.places) {
    if (!place.from_request_view && !IsPlain(*views_[place.view].program, place.feature))
      views_[place.view].as_columns = true;
  }
  PlaceViews(set, plan);
  PlaceOutputs(plan);
}

void FeatureReader::PlaceViews(const ViewSet& set, const FeaturePlan& plan) {
  for (size_t i = 0; i < views_.size(); ++i) {
    View& view = views_[i];
    const ViewSet::Place place = set.places.at(view.program->name);
    GroupState& state = *set.groups[place.group].state;
    std::vector<bool> wanted(NumCells(*view.program), view.as_columns);
    for (const FeaturePlan::Place& output : plan.places) {
      if (!view.as_columns && !output.from_request_view && output.view == i)
        wanted[CellOf(*view.program, output.feature)] = true;
    }
    view.begin = num_cells_;
    num_cells_ += wanted.size();

    std::vector<size_t> entities;
    for (const Field& part : view.program->entity) entities.push_back(*FindField(plan.entities, part.name));
    auto key = std::find_if(keys_.begin(), keys_.end(), [&](const Key& k) { return k.entities == entities; });
    if (key == keys_.end()) key = keys_.insert(key, {std::move(entities), {}});
    auto group =
        std::find_if(key->groups.begin(), key->groups.end(), [&](const Group& g) { return g.state == &state; });
    if (group == key->groups.end()) group = key->groups.insert(group, {&state, {}, nullptr});
    group->views.push_back({place.member, view.begin, std::move(wanted)});
  }
  for (Key& key : keys_) {
    for (Group& group : key.groups) group.read = std::make_unique<GroupRead>(group.state->plan(), group.views);
  }
}

void FeatureReader::PlaceOutputs(const FeaturePlan& plan) {
  for (size_t i = 0; i < plan.places.size(); ++i) {
    const FeaturePlan::Place& place = plan.places[i];
    if (place.from_request_view || views_[place.view].as_columns) {
      others_.push_back(i);
    } else {
      const View& view = views_[place.view];
      direct_.push_back({i, view.begin + CellOf(*view.program, place.feature), plan.outputs[i].type});
    }
  }
}

// The cells of rows [begin, end), row by row.
StatusOr<int64_t> FeatureReader::ReadRows(const RecordBatch& entities, const Column& times, size_t begin, size_t end,
                                          Cells* cells) const {
  cells->Reset((end - begin) * num_cells_);
  int64_t overflows = 0;
  std::array<std::string, kRowsAtOnce> names;
  std::array<GroupState::Row, kRowsAtOnce> rows;
  for (const Key& key : keys_) {
    for (size_t row = begin; row < end; ++row) {
      std::string& name = names[row - begin];
      name.clear();
      const bool whole = std::all_of(key.entities.begin(), key.entities.end(), [&](size_t part) {
        return EncodeKey(std::span(&entities.columns[part], 1), row, &name);
      });
      const bool asks = whole && !times.IsNull(row);
      rows[row - begin] = {asks ? std::optional<KeyName>(name) : std::nullopt, asks ? times.ints()[row] : 0,
                           (row - begin) * num_cells_};
    }
    for (const Group& group : key.groups) {
      HR_ASSIGN_OR_RETURN(const int64_t of_group,
                          group.state->Read(std::span(rows).first(end - begin), *group.read, cells));
      overflows += of_group;
    }
  }
  return overflows;
}

StatusOr<FeatureTable> FeatureReader::Read(const FeaturePlan& plan, const RecordBatch& entities,
                                           const RecordBatch& request, const Column& times, int64_t* overflows) const {
  const size_t rows = times.size();
  FeatureTable table(plan.outputs, rows);
  std::vector<FeatureCells> columns;  // of the views that are made as columns; of others nothing
  for (const View& view : views_) columns.emplace_back(view.as_columns ? FeatureCells(*view.program) : FeatureCells());
  Cells cells;
  for (size_t begin = 0; begin < rows; begin += kRowsAtOnce) {
    const size_t end = std::min(rows, begin + kRowsAtOnce);
    HR_ASSIGN_OR_RETURN(const int64_t of_rows, ReadRows(entities, times, begin, end, &cells));
    *overflows += of_rows;
    for (size_t row = begin; row < end; ++row) {
      const size_t first = (row - begin) * num_cells_;
      for (const Direct& direct : direct_)
        table.cells_.SetFrom(table.At(row, direct.output), direct.type, cells, first + direct.cell);
      for (size_t i = 0; i < views_.size(); ++i) {
        if (views_[i].as_columns) columns[i].AppendRow(cells, first + views_[i].begin);
      }
    }
  }
  if (!others_.empty()) HR_RETURN_IF_ERROR(FillOthers(plan, std::move(columns), request, times, &table));
  return table;
}

// The outputs that are computed from cells.
Status FeatureReader::FillOthers(const FeaturePlan& plan, std::vector<FeatureCells> cells, const RecordBatch& request,
                                 const Column& times, FeatureTable* table) const {
  std::vector<std::vector<Column>> event_features(views_.size());
  for (size_t i = 0; i < views_.size(); ++i) {
    if (!views_[i].as_columns) continue;
    HR_ASSIGN_OR_RETURN(event_features[i], FinishFeatures(*views_[i].program, std::move(cells[i])));
  }
  HR_ASSIGN_OR_RETURN(const std::vector<std::vector<Column>> request_features,
                      ComputeRequestFeatures(plan, event_features, request, times, times.size()));
  for (const size_t output : others_) {
    const FeaturePlan::Place& place = plan.places[output];
    const Column& column = (place.from_request_view ? request_features : event_features)[place.view][place.feature];
    for (size_t row = 0; row < column.size(); ++row) table->cells_.SetFrom(table->At(row, output), column, row);
  }
  return absl::OkStatus();
}

}  // namespace headrace
