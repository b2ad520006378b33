// Reads of features, worked out once per plan: which groups are asked under which key, which of their windows and
// folds, and where each value goes. A read then looks a key up once per group, folds what is wanted, and asks for no
// memory but that of its answer.
#pragma once

#include <memory>
#include <vector>

#include "features/online/view_set.h"
#include "kernel/cells.h"
#include "kernel/feature_plan.h"

namespace headrace {

// Answers of a read: one row per asked one, of the plan's outputs.
class FeatureTable {
 public:
  FeatureTable(const Schema& outputs, size_t rows);

  size_t num_rows() const { return num_rows_; }
  size_t num_columns() const { return types_.size(); }
  Value GetValue(size_t row, size_t output) const;
  Column GetColumn(size_t output) const;

 private:
  friend class FeatureReader;
  size_t At(size_t row, size_t output) const { return row * types_.size() + output; }

  std::vector<TypeId> types_;
  size_t num_rows_;
  Cells cells_;
};

class FeatureReader {
 public:
  // Of the set that it was made from, which must outlive it.
  FeatureReader(const ViewSet& set, const FeaturePlan& plan);

  // As OnlineFeatures::Read. `overflows` gets how many cells rule 17 made null.
  StatusOr<FeatureTable> Read(const FeaturePlan& plan, const RecordBatch& entities, const RecordBatch& request,
                              const Column& times, int64_t* overflows) const;

 private:
  // A view of the plan. Its cells lie side by side in a row's cells, from `begin` on.
  struct View {
    const ViewProgram* program;
    size_t begin = 0;
    // Whether its features are made as columns: some that are wanted are expressions over cells, or a request view
    // reads them.
    bool as_columns = false;
  };
  struct Group {
    GroupState* state;
    std::vector<ViewCells> views;
    std::unique_ptr<GroupRead> read;  // of them
  };
  // Groups that are asked under the same key.
  struct Key {
    std::vector<size_t> entities;  // of the plan: its parts
    std::vector<Group> groups;
  };
  // An output that is a cell as it is.
  struct Direct {
    size_t output;
    size_t cell;
    TypeId type;
  };

  void PlaceViews(const ViewSet& set, const FeaturePlan& plan);
  void PlaceOutputs(const FeaturePlan& plan);
  StatusOr<int64_t> ReadRows(const RecordBatch& entities, const Column& times, size_t begin, size_t end,
                             Cells* cells) const;
  Status FillOthers(const FeaturePlan& plan, std::vector<FeatureCells> cells, const RecordBatch& request,
                    const Column& times, FeatureTable* table) const;

  std::vector<View> views_;  // of the plan's event_views
  std::vector<Key> keys_;
  std::vector<Direct> direct_;
  std::vector<size_t> others_;  // outputs that are not
  size_t num_cells_ = 0;        // of a row
};

}  // namespace headrace
