// Which rows contribute to an aggregate: Contributes (aggregates/state.h) of many rows, with what they have in common
// looked up once.
#pragma once

#include "kernel/aggregates/states.h"

namespace headrace {

class Selection {
 public:
  Selection(const AggregateCall& call, const EventsView& rows) {
    if (call.filter) {
      filter_ = rows.slots[*call.filter].ints().data();
      filter_valid_ = ValidityOf(rows.slots[*call.filter]);
    }
    if (aggregates::NullIsValue(call.kind)) return;
    if (call.argument) argument_valid_ = ValidityOf(rows.slots[*call.argument]);
    if (call.second) second_valid_ = ValidityOf(rows.slots[*call.second]);
  }

  bool all() const { return filter_ == nullptr && argument_valid_ == nullptr && second_valid_ == nullptr; }
  // A null filter holds 0, which is false.
  bool Has(size_t row) const {
    return (filter_ == nullptr || (filter_[row] != 0 && IsValid(filter_valid_, row))) &&
           IsValid(argument_valid_, row) && IsValid(second_valid_, row);
  }

  // Calls `visit` with each row of [begin, end) that contributes.
  template <typename Visit>
  void ForEach(size_t begin, size_t end, const Visit& visit) const {
    if (all()) {
      for (size_t row = begin; row < end; ++row) visit(row);
    } else {
      for (size_t row = begin; row < end; ++row) {
        if (Has(row)) visit(row);
      }
    }
  }

 private:
  static const uint8_t* ValidityOf(const ColumnView& column) { return column.validity(); }
  static bool IsValid(const uint8_t* validity, size_t row) { return validity == nullptr || validity[row] != 0; }

  const int64_t* filter_ = nullptr;  // nullptr: none
  const uint8_t* filter_valid_ = nullptr;
  const uint8_t* argument_valid_ = nullptr;  // nullptr: no row is null, or it does not matter
  const uint8_t* second_valid_ = nullptr;
};

}  // namespace headrace
