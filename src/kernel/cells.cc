#include "kernel/cells.h"

namespace headrace {

void Cells::SetFrom(size_t i, const ColumnView& column, size_t row) {
  if (column.IsNull(row)) return SetNull(i);
  if (column.type() == TypeId::kDouble) return SetDouble(i, column.doubles()[row]);
  if (HoldsBytes(column.type())) return SetText(i, column.str(row));
  SetInt(i, column.ints()[row]);
}

void Cells::AppendTo(size_t i, Column* out) const {
  if (IsNull(i)) return out->AppendNull();
  if (out->type() == TypeId::kDouble) return out->AppendDouble(Double(i));
  if (HoldsBytes(out->type())) return out->AppendString(Text(i));
  out->AppendInt(Int(i));
}

}  // namespace headrace
