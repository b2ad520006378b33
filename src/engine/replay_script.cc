#include "engine/replay_script.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <tuple>

#include "base/decimal.h"
#include "engine/training_set.h"
#include "warehouse/history.h"

namespace headrace {
namespace {

bool InRange(TimestampUs t, TimestampUs from, std::optional<TimestampUs> to) {
  return t > from && (!to || t <= *to);
}

Json RowAsJson(const RecordBatch& rows, size_t row, size_t columns) {
  Json::Object object;
  for (size_t i = 0; i < columns; ++i) object.emplace_back(rows.schema[i].name, ToJson(rows.columns[i].GetValue(row)));
  return object;
}

// The rows of a stream's history that became known in the range, in ingestion order.
Status AddEvents(Workspace& workspace, const StreamSource& stream, TimestampUs from, std::optional<TimestampUs> to,
                 std::vector<ReplayStep>* steps) {
  HR_ASSIGN_OR_RETURN(Database* const warehouse, workspace.Warehouse());
  HR_ASSIGN_OR_RETURN(const std::unique_ptr<Connection> connection, warehouse->Connect());
  HistoryQuery query;
  query.history = stream.name;
  for (const Field& field : stream.columns) query.columns.push_back(field.name);
  query.columns.insert(query.columns.end(), {"_event_time", "_available_at"});
  HR_ASSIGN_OR_RETURN(const std::unique_ptr<ResultStream> result, ScanHistory(*connection, query));
  const size_t columns = stream.columns.size();
  while (true) {
    HR_ASSIGN_OR_RETURN(const std::optional<RecordBatch> rows, result->Next());
    if (!rows) return absl::OkStatus();
    for (size_t row = 0; row < rows->num_rows; ++row) {
      const TimestampUs known = rows->columns[columns + 1].ints()[row];
      if (!InRange(known, from, to)) continue;
      ReplayStep step;
      step.at = known;
      step.stream = stream.name;
      step.body = RowAsJson(*rows, row, columns).Dump();
      step.late = known > rows->columns[columns].ints()[row];
      steps->push_back(std::move(step));
    }
  }
}

double LabelValue(const Column& labels, size_t row) {
  if (labels.IsNull(row) || labels.type() == TypeId::kVarchar) return std::nan("");
  return NumberAt(labels, row);
}

void AddQuestions(const ModelRecipe& recipe, const RecordBatch& rows, const LabelRows& asked, TimestampUs from,
                  std::optional<TimestampUs> to, std::vector<ReplayStep>* steps) {
  const Column* labels = rows.Find(recipe.label_column);
  const Column* known_at = recipe.known_at.empty() ? nullptr : rows.Find(recipe.known_at);
  for (size_t row = 0; row < rows.num_rows; ++row) {
    if (asked.times.IsNull(row) || !InRange(asked.times.ints()[row], from, to)) continue;
    Json::Object request;
    for (const RecordBatch* part : {&asked.entities, &asked.request}) {
      for (size_t i = 0; i < part->columns.size(); ++i)
        request.emplace_back(part->schema[i].name, ToJson(part->columns[i].GetValue(row)));
    }
    ReplayStep question;
    question.at = asked.times.ints()[row];
    question.kind = ReplayStep::Kind::kQuestion;
    question.question = row;
    question.body = Json(std::move(request)).Dump();
    steps->push_back(std::move(question));
    const double label = labels == nullptr ? std::nan("") : LabelValue(*labels, row);
    if (std::isnan(label) || known_at == nullptr || known_at->IsNull(row) || (to && known_at->ints()[row] > *to))
      continue;
    ReplayStep outcome;
    outcome.at = known_at->ints()[row];
    outcome.kind = ReplayStep::Kind::kLabel;
    outcome.question = row;
    outcome.label = label;
    steps->push_back(std::move(outcome));
  }
}

}  // namespace

StatusOr<std::vector<ReplayStep>> MakeReplayScript(Workspace& workspace, const ModelRecipe& recipe,
                                                   const FeaturePlan& plan, TimestampUs from,
                                                   std::optional<TimestampUs> to) {
  HR_ASSIGN_OR_RETURN(const std::shared_ptr<const ProjectState> state, workspace.State());
  std::vector<ReplayStep> steps;
  std::set<std::string> streams;
  for (const ViewProgram* program : plan.event_views) {
    const EventView& view = state->definitions.event_views.at(program->name);
    if (view.live() && streams.insert(view.stream).second) {
      HR_RETURN_IF_ERROR(AddEvents(workspace, state->definitions.streams.at(view.stream), from, to, &steps));
    }
  }
  HR_ASSIGN_OR_RETURN(const RecordBatch rows, ReadRows(workspace, recipe.label_table));
  HR_ASSIGN_OR_RETURN(const LabelRows asked, ToLabelRows(plan, rows, recipe.label_time, recipe.entities));
  AddQuestions(recipe, rows, asked, from, to, &steps);
  std::stable_sort(steps.begin(), steps.end(), [](const ReplayStep& a, const ReplayStep& b) {
    return std::tie(a.at, a.kind) < std::tie(b.at, b.kind);
  });
  return steps;
}

}  // namespace headrace
