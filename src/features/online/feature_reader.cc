#include "features/online/feature_reader.h"

#include <algorithm>
#include <array>
#include <numeric>

namespace headrace {
namespace {

constexpr size_t kRowsAtOnce = 16;  // under one set of locks

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

Value FeatureTable::GetValue(size_t row, size_t output) const {
  const size_t cell = At(row, output);
  if (cells_.IsNull(cell)) return Value::Null();
  if ((*types_)[output] == TypeId::kDouble) return Value::Double(cells_.Double(cell));
  if (HoldsBytes((*types_)[output])) return Value::Bytes((*types_)[output], std::string(cells_.Text(cell)));
  return Value::Integer((*types_)[output], cells_.Int(cell));
}

Column FeatureTable::GetColumn(size_t output) const {
  Column column((*types_)[output]);
  for (size_t row = 0; row < num_rows_; ++row) cells_.AppendTo(At(row, output), &column);
  return column;
}

FeatureReader::FeatureReader(const ViewSet& set, const FeaturePlan& plan) : row_cells_(plan.outputs.size()) {
  std::vector<TypeId> types;
  for (const Field& output : plan.outputs) types.push_back(output.type);
  types_ = std::make_shared<const std::vector<TypeId>>(std::move(types));
  for (const ViewProgram* program : plan.event_views) views_.push_back({program});
  for (const std::vector<FeaturePlan::Place>& inputs : plan.feature_inputs) {
    for (const FeaturePlan::Place& place : inputs) {
      if (!place.from_request_view) views_[place.view].as_columns = true;
    }
  }
  for (const FeaturePlan::Place& place : plan.places) {
    if (!place.from_request_view && !IsPlain(*views_[place.view].program, place.feature))
      views_[place.view].as_columns = true;
  }
  for (size_t i = 0; i < plan.places.size(); ++i) {
    const FeaturePlan::Place& place = plan.places[i];
    if (place.from_request_view || views_[place.view].as_columns) others_.push_back(i);
  }
  PlaceViews(set, plan);
}

void FeatureReader::PlaceViews(const ViewSet& set, const FeaturePlan& plan) {
  for (size_t i = 0; i < views_.size(); ++i) {
    std::vector<uint32_t> places = PlaceCells(plan, i);
    AddToGroup(set, plan, views_[i], std::move(places));
  }
  for (Key& key : keys_) {
    for (Group& group : key.groups) group.read = std::make_unique<GroupRead>(group.state->plan(), group.views);
  }
}

// Where the cells of a view go: to the outputs that they are, or behind all outputs.
std::vector<uint32_t> FeatureReader::PlaceCells(const FeaturePlan& plan, size_t view) {
  const ViewProgram& program = *views_[view].program;
  std::vector<uint32_t> places(NumCells(program), kUnwantedCell);
  if (views_[view].as_columns) {
    std::iota(places.begin(), places.end(), static_cast<uint32_t>(row_cells_));
    views_[view].begin = row_cells_;
    row_cells_ += places.size();
    return places;
  }
  for (size_t output = 0; output < plan.places.size(); ++output) {
    const FeaturePlan::Place& place = plan.places[output];
    if (place.from_request_view || place.view != view) continue;
    uint32_t& cell = places[CellOf(program, place.feature)];
    if (cell == kUnwantedCell) {
      cell = static_cast<uint32_t>(output);
    } else {
      copies_.push_back({cell, output});
    }
  }
  return places;
}

void FeatureReader::AddToGroup(const ViewSet& set, const FeaturePlan& plan, const View& view,
                               std::vector<uint32_t> places) {
  const ViewSet::Place place = set.places.at(view.program->name);
  GroupState* const state = set.groups[place.group].state.get();
  std::vector<size_t> entities;
  for (const Field& part : view.program->entity) entities.push_back(*FindField(plan.entities, part.name));
  auto key = std::find_if(keys_.begin(), keys_.end(), [&](const Key& k) { return k.entities == entities; });
  if (key == keys_.end()) key = keys_.insert(key, {std::move(entities), {}});
  auto group = std::find_if(key->groups.begin(), key->groups.end(), [&](const Group& g) { return g.state == state; });
  if (group == key->groups.end()) group = key->groups.insert(group, {state, {}, nullptr});
  group->views.push_back({place.member, std::move(places)});
}

// The cells of rows [begin, end), of which there are kRowsAtOnce at most.
StatusOr<int64_t> FeatureReader::ReadRows(const RecordBatch& entities, const Column& times, size_t begin, size_t end,
                                          FeatureTable* table) const {
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
                           table->At(row, 0)};
    }
    for (const Group& group : key.groups) {
      HR_ASSIGN_OR_RETURN(const int64_t of_group,
                          group.state->Read(std::span(rows).first(end - begin), *group.read, &table->cells_));
      overflows += of_group;
    }
  }
  return overflows;
}

StatusOr<FeatureTable> FeatureReader::Read(const FeaturePlan& plan, const RecordBatch& entities,
                                           const RecordBatch& request, const Column& times, int64_t* overflows) const {
  FeatureTable table(types_, times.size(), row_cells_);
  for (size_t begin = 0; begin < times.size(); begin += kRowsAtOnce) {
    const size_t end = std::min(times.size(), begin + kRowsAtOnce);
    HR_ASSIGN_OR_RETURN(const int64_t of_rows, ReadRows(entities, times, begin, end, &table));
    *overflows += of_rows;
  }
  for (const Copy& copy : copies_) {
    for (size_t row = 0; row < times.size(); ++row) table.cells_.Copy(table.At(row, copy.from), table.At(row, copy.to));
  }
  if (!others_.empty()) HR_RETURN_IF_ERROR(FillOthers(plan, request, times, &table));
  return table;
}

// The outputs that are computed from cells.
Status FeatureReader::FillOthers(const FeaturePlan& plan, const RecordBatch& request, const Column& times,
                                 FeatureTable* table) const {
  const size_t rows = times.size();
  std::vector<std::vector<Column>> event_features(views_.size());
  for (size_t i = 0; i < views_.size(); ++i) {
    if (!views_[i].as_columns) continue;
    FeatureCells cells(*views_[i].program);
    for (size_t row = 0; row < rows; ++row) cells.AppendRow(table->cells_, table->At(row, views_[i].begin));
    HR_ASSIGN_OR_RETURN(event_features[i], FinishFeatures(*views_[i].program, std::move(cells)));
  }
  HR_ASSIGN_OR_RETURN(const std::vector<std::vector<Column>> request_features,
                      ComputeRequestFeatures(plan, event_features, request, times, rows));
  for (const size_t output : others_) {
    const FeaturePlan::Place& place = plan.places[output];
    const Column& column = (place.from_request_view ? request_features : event_features)[place.view][place.feature];
    for (size_t row = 0; row < rows; ++row) table->cells_.SetFrom(table->At(row, output), column, row);
  }
  return absl::OkStatus();
}

}  // namespace headrace
