// From wanted features to what must be computed: which views, which keys and request fields, in which order.
//
// The same plan runs offline over label rows and online over request rows; only where the event views' features come
// from differs. A request view may read features of other views, request views included.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "kernel/view.h"

namespace headrace {

// The compiled views of a project. Immutable while plans point into it.
struct ViewCatalog {
  std::map<std::string, ViewProgram> events;
  std::map<std::string, RequestProgram> requests;

  // The features of a view, in their order; nullptr for an unknown view.
  const Schema* FeaturesOf(const std::string& view) const;
  std::vector<std::string> ViewNames() const;
};

struct FeaturePlan {
  // Unlike that of any other plan of this process, but of its copies.
  uint64_t number = 0;

  struct Place {
    bool from_request_view = false;
    size_t view = 0;     // in event_views or request_views
    size_t feature = 0;  // in that view's features
  };

  std::vector<const ViewProgram*> event_views;
  std::vector<const RequestProgram*> request_views;  // each after those it reads
  std::vector<std::vector<Place>> feature_inputs;    // of each request view, one place per feature_inputs entry
  Schema outputs;                                    // "view.feature"
  std::vector<Place> places;                         // one per output
  Schema entities;                                   // entity columns of event_views, each once
  Schema request_fields;                             // of request_views, each once; without request_time
};

// `wanted`: "view.feature" or "view.*", in the caller's order; a repeated reference counts once (rule 29).
// Errors name the reference, with the nearest name.
StatusOr<FeaturePlan> PlanFeatures(const ViewCatalog& catalog, const std::vector<std::string>& wanted);

// One hash of the definitions of all views behind a plan: equal hashes mean the same features.
std::string DefinitionsOf(const FeaturePlan& plan);

// All features of the plan's request views for `rows` rows, from those of event_views, of which those that a request
// view reads must be there. `request` and `times` as below.
StatusOr<std::vector<std::vector<Column>>> ComputeRequestFeatures(
    const FeaturePlan& plan, const std::vector<std::vector<Column>>& event_features, const RecordBatch& request,
    const Column& times, size_t rows);

// Computes the plan's outputs for `rows` rows. `event_features[i]`: all features of event_views[i]; `request`: columns
// of plan.request_fields; `times`: each row's instant, null for none.
StatusOr<std::vector<Column>> AssembleFeatures(const FeaturePlan& plan, std::vector<std::vector<Column>> event_features,
                                               const RecordBatch& request, const Column& times, size_t rows);

}  // namespace headrace
