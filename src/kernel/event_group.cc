#include "kernel/event_group.h"

#include <algorithm>
#include <optional>

namespace headrace {
namespace {

bool Same(const Expression& a, const Expression& b) {
  return a.kind == b.kind && a.type == b.type && a.column == b.column && a.try_cast == b.try_cast &&
         a.zoned == b.zoned && a.kernel == b.kernel && a.constant.IdenticalTo(b.constant) &&
         std::equal(a.children.begin(), a.children.end(), b.children.begin(), b.children.end(), Same);
}

bool Same(const std::optional<Expression>& a, const std::optional<Expression>& b) {
  return a.has_value() == b.has_value() && (!a || Same(*a, *b));
}

bool Same(const std::vector<Expression>& a, const std::vector<Expression>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const Expression& x, const Expression& y) { return Same(x, y); });
}

bool SameStage(const RowProgram& a, const RowProgram& b) {
  return Same(a.where, b.where) && Same(a.outputs, b.outputs);
}

// Over the same input. A latest-value view has its slots left where they are (SortedEvents), others not.
bool SameEvents(const ViewProgram& a, const ViewProgram& b) {
  return a.is_latest_value() == b.is_latest_value() && NamesOf(a.entity) == NamesOf(b.entity) && Same(a.keys, b.keys) &&
         Same(a.event_time, b.event_time) && Same(a.where, b.where) && a.availability == b.availability &&
         Same(a.available_at, b.available_at) && a.delay_us == b.delay_us &&
         std::equal(a.stages.begin(), a.stages.end(), b.stages.begin(), b.stages.end(), SameStage);
}

void MoveColumns(const std::vector<size_t>& to, Expression* expression) {
  if (expression->kind == Expression::Kind::kColumn) expression->column = to[expression->column];
  for (Expression& child : expression->children) MoveColumns(to, &child);
}

void MoveColumns(const std::vector<size_t>& to, std::optional<Expression>* expression) {
  if (*expression) MoveColumns(to, &**expression);
}

void MoveColumns(const std::vector<size_t>& to, std::vector<Expression>* expressions) {
  for (Expression& expression : *expressions) MoveColumns(to, &expression);
}

// The program over `input`, which has the columns of its own.
ViewProgram ReadFrom(const Schema& input, const ViewProgram& view) {
  ViewProgram program = view;
  std::vector<size_t> to;
  for (const Field& field : view.input) to.push_back(*FindField(input, field.name));
  program.input = input;
  if (!program.stages.empty()) {
    MoveColumns(to, &program.stages[0].where);
    MoveColumns(to, &program.stages[0].outputs);
    return program;
  }
  MoveColumns(to, &program.where);
  MoveColumns(to, &program.keys);
  MoveColumns(to, &program.event_time);
  MoveColumns(to, &program.available_at);
  MoveColumns(to, &program.slots);
  return program;
}

void Join(const ViewProgram* view, ViewProgram program, EventGroup* group) {
  std::vector<Expression>& slots = group->events.slots;
  std::vector<size_t> slot_of;
  for (const Expression& slot : program.slots) {
    const auto found = std::find_if(slots.begin(), slots.end(), [&](const Expression& s) { return Same(s, slot); });
    slot_of.push_back(static_cast<size_t>(found - slots.begin()));
    if (found == slots.end()) slots.push_back(slot);
  }
  for (AggregateCall& call : program.aggregates) {
    for (std::optional<size_t>* slot : {&call.argument, &call.second, &call.filter}) {
      if (*slot) *slot = slot_of[**slot];
    }
  }
  group->members.push_back({view, std::move(program), std::move(slot_of)});
}

}  // namespace

std::vector<uint8_t> EventGroup::OnlyCounted() const {
  std::vector<uint8_t> only_counted(events.slots.size(), events.is_latest_value() ? 0 : 1);
  for (const Member& member : members) {
    for (const AggregateCall& call : member.program.aggregates) {
      if (call.argument && call.kind != AggregateKind::kCount) only_counted[*call.argument] = 0;
      if (call.second) only_counted[*call.second] = 0;
      if (call.filter) only_counted[*call.filter] = 0;
    }
  }
  return only_counted;
}

size_t EventGroup::RowBytes() const {
  constexpr size_t kTimeAndKey = 12;
  const std::vector<uint8_t> only_counted = OnlyCounted();
  size_t bytes = kTimeAndKey;
  for (size_t slot = 0; slot < events.slots.size(); ++slot) {
    if (only_counted[slot] == 0) bytes += HoldsBytes(events.slots[slot].type) ? 24 : 8;
  }
  return bytes;
}

Schema InputOf(std::span<const ViewProgram* const> views) {
  Schema input;
  for (const ViewProgram* view : views) {
    for (const Field& field : view->input) {
      if (!FindField(input, field.name)) input.push_back(field);
    }
  }
  return input;
}

std::vector<EventGroup> GroupByEvents(std::span<const ViewProgram* const> views, const Schema& input) {
  std::vector<EventGroup> groups;
  for (const ViewProgram* view : views) {
    ViewProgram program = ReadFrom(input, *view);
    auto group =
        std::find_if(groups.begin(), groups.end(), [&](const EventGroup& g) { return SameEvents(g.events, program); });
    if (group == groups.end()) {
      groups.push_back({program, {}});
      groups.back().events.slots.clear();
      group = std::prev(groups.end());
    }
    // Which aggregates there are decides whether events need their order.
    if (group->members.size() > 0)
      group->events.aggregates.insert(group->events.aggregates.end(), program.aggregates.begin(),
                                      program.aggregates.end());
    Join(view, std::move(program), &*group);
  }
  return groups;
}

}  // namespace headrace
