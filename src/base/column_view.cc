#include "base/column_view.h"

namespace headrace {

Value ColumnView::GetValue(size_t row) const {
  if (IsNull(row)) return Value::Null();
  if (type_ == TypeId::kDouble) return Value::Double(doubles()[row]);
  if (HoldsBytes(type_)) return Value::Bytes(type_, std::string(str(row)));
  return Value::Integer(type_, ints()[row]);
}

void ColumnView::AppendTo(size_t row, Column* out) const {
  if (IsNull(row)) return out->AppendNull();
  if (type_ == TypeId::kDouble) return out->AppendDouble(doubles()[row]);
  if (HoldsBytes(type_)) return out->AppendString(str(row));
  out->AppendInt(ints()[row]);
}

}  // namespace headrace
