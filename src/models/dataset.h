// From typed columns to the matrix of doubles that models compute with, the same way in training and in serving.
//
//   value                              cell
//   null                               NaN
//   double NaN                         NaN: a model treats it as missing
//   boolean                            0 or 1
//   bigint, date, timestamp, double    the nearest double
//   varchar                            the position of its text among the categories that training saw; NaN when
//                                      training never saw it: an unknown category is a missing one
//
// Everything here is immutable once built and may be read by any number of threads.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/column.h"
#include "base/json.h"
#include "base/status.h"
#include "base/value.h"

namespace headrace {

// The most distinct texts that one varchar feature may have in the training part.
inline constexpr size_t kMaxCategories = 65'536;

// One feature as a model knows it.
struct FeatureSpec {
  std::string name;
  TypeId type = TypeId::kDouble;
  std::vector<std::string> categories;  // kVarchar: ascending by bytes; the code of a text is its position here
  bool operator==(const FeatureSpec&) const = default;
};

// A model's features in order, with the categories that were fitted on the training part.
class CategoryEncoder {
 public:
  CategoryEncoder() = default;
  explicit CategoryEncoder(std::vector<FeatureSpec> features) : features_(std::move(features)) {}

  // Takes types from the columns called `features` and categories from their values at `rows`.
  // kInvalidArgument: no such column; kResourceExhausted: more than kMaxCategories.
  static StatusOr<CategoryEncoder> Fit(const RecordBatch& batch, std::span<const std::string> features,
                                       std::span<const uint32_t> rows);

  const std::vector<FeatureSpec>& features() const { return features_; }
  size_t size() const { return features_.size(); }

  // The code of `text` for feature `feature`; NaN when training never saw it.
  double Encode(size_t feature, std::string_view text) const;

  // One value per feature -> one cell per feature. kInvalidArgument names the feature whose value is of another kind
  // (text where a number belongs, or the other way round); any number is taken for any other.
  Status EncodeRow(std::span<const Value> values, std::span<double> cells) const;

  Json ToJson() const;  // [{"name": ..., "type": ..., "categories": [...]}, ...]
  static StatusOr<CategoryEncoder> FromJson(const Json& json);

 private:
  std::vector<FeatureSpec> features_;
};

// Row-major: values[row * num_features + feature].
struct FeatureMatrix {
  size_t num_rows = 0;
  size_t num_features = 0;
  std::vector<double> values;

  std::span<const double> Row(size_t row) const { return std::span(values).subspan(row * num_features, num_features); }
};

// The columns that `encoder` names, at `rows` and in their order. kInvalidArgument names a column that is missing or of
// another type than in training.
StatusOr<FeatureMatrix> FromColumns(const RecordBatch& batch, const CategoryEncoder& encoder,
                                    std::span<const uint32_t> rows);
StatusOr<FeatureMatrix> FromColumns(const RecordBatch& batch, const CategoryEncoder& encoder);  // all rows

}  // namespace headrace
