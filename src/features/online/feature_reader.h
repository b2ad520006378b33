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
  size_t num_rows() const { return num_rows_; }
  size_t num_columns() const { return types_->size(); }
  Value GetValue(size_t row, size_t output) const;
  Column GetColumn(size_t output) const;

 private:
  friend class FeatureReader;
  using Types = std::shared_ptr<const std::vector<TypeId>>;
  FeatureTable(Types types, size_t rows, size_t row_cells)
      : types_(std::move(types)), num_rows_(rows), row_cells_(row_cells), cells_(rows * row_cells) {}
  size_t At(size_t row, size_t cell) const { return row * row_cells_ + cell; }

  Types types_;  // of the outputs
  size_t num_rows_;
  size_t row_cells_;  // the outputs, and what some of them are computed from
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
  struct View {
    const ViewProgram* program;
    // Whether its features are made as columns: some that are wanted are expressions over cells, or a request view
    // reads them. Then its cells lie side by side behind the outputs.
    bool as_columns = false;
    size_t begin = 0;
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
  // A cell that is several outputs.
  struct Copy {
    size_t from;
    size_t to;
  };

  void PlaceViews(const ViewSet& set, const FeaturePlan& plan);
  std::vector<uint32_t> PlaceCells(const FeaturePlan& plan, size_t view);
  void AddToGroup(const ViewSet& set, const FeaturePlan& plan, const View& view, std::vector<uint32_t> places);
  StatusOr<int64_t> ReadRows(const RecordBatch& entities, const Column& times, size_t begin, size_t end,
                             FeatureTable* table) const;
  Status FillOthers(const FeaturePlan& plan, const RecordBatch& request, const Column& times,
                    FeatureTable* table) const;

  FeatureTable::Types types_;
  std::vector<View> views_;  // of the plan's event_views
  std::vector<Key> keys_;
  std::vector<Copy> copies_;
  std::vector<size_t> others_;  // outputs that are no cell of a view as it is
  size_t row_cells_;
};

}  // namespace headrace
