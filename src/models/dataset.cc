#include "models/dataset.h"

#include <algorithm>
#include <limits>
#include <numeric>

#include "absl/container/flat_hash_set.h"
#include "base/decimal.h"
#include "base/diagnostic.h"

namespace headrace {
namespace {

constexpr double kMissing = std::numeric_limits<double>::quiet_NaN();

Status NoSuchColumn(const RecordBatch& batch, std::string_view name) {
  const std::vector<std::string> names = NamesOf(batch.schema);
  return InvalidArgument("feature '{}' is no column of the data; {}", name, NearestNameHint(name, names));
}

StatusOr<std::vector<std::string>> CategoriesOf(const Column& column, std::string_view name,
                                                std::span<const uint32_t> rows) {
  absl::flat_hash_set<std::string> seen;
  for (const uint32_t row : rows) {
    if (column.IsNull(row)) continue;
    seen.insert(std::string(column.str(row)));
    if (seen.size() > kMaxCategories) {
      return ResourceExhausted(
          "feature '{}' has more than {} distinct texts in the training part: leave it out, or group its values", name,
          kMaxCategories);
    }
  }
  std::vector<std::string> categories(seen.begin(), seen.end());
  std::sort(categories.begin(), categories.end());
  return categories;
}

void FillColumn(const Column& column, const CategoryEncoder& encoder, size_t feature, std::span<const uint32_t> rows,
                FeatureMatrix& matrix) {
  double* cell = matrix.values.data() + feature;
  for (const uint32_t row : rows) {
    if (column.IsNull(row)) {
      *cell = kMissing;
    } else if (column.type() == TypeId::kVarchar) {
      *cell = encoder.Encode(feature, column.str(row));
    } else {
      *cell = NumberAt(column, row);
    }
    cell += matrix.num_features;
  }
}

bool HasFraction(TypeId type) {
  return type == TypeId::kDouble || IsDecimal(type);
}

StatusOr<FeatureSpec> SpecFromJson(const Json& json) {
  FeatureSpec spec;
  HR_ASSIGN_OR_RETURN(spec.name, json.GetString("name"));
  HR_ASSIGN_OR_RETURN(const std::string type, json.GetString("type"));
  HR_ASSIGN_OR_RETURN(spec.type, ParseTypeName(type));
  const Json* categories = json.Find("categories");
  if (categories == nullptr) return spec;
  if (!categories->is_array()) return InvalidArgument("the categories of feature '{}' are no array", spec.name);
  for (const Json& category : categories->array()) {
    if (!category.is_string()) return InvalidArgument("a category of feature '{}' is no text", spec.name);
    spec.categories.push_back(category.str());
  }
  return spec;
}

}  // namespace

StatusOr<CategoryEncoder> CategoryEncoder::Fit(const RecordBatch& batch, std::span<const std::string> features,
                                               std::span<const uint32_t> rows) {
  std::vector<FeatureSpec> specs;
  for (const std::string& name : features) {
    const Column* column = batch.Find(name);
    if (column == nullptr) return NoSuchColumn(batch, name);
    FeatureSpec spec{name, column->type(), {}};
    if (spec.type == TypeId::kVarchar) {
      HR_ASSIGN_OR_RETURN(spec.categories, CategoriesOf(*column, name, rows));
    }
    specs.push_back(std::move(spec));
  }
  return CategoryEncoder(std::move(specs));
}

double CategoryEncoder::Encode(size_t feature, std::string_view text) const {
  const std::vector<std::string>& categories = features_[feature].categories;
  const auto found = std::lower_bound(categories.begin(), categories.end(), text);
  if (found == categories.end() || *found != text) return kMissing;
  return static_cast<double>(found - categories.begin());
}

Status CategoryEncoder::EncodeRow(std::span<const Value> values, std::span<double> cells) const {
  if (values.size() != features_.size()) {
    return InvalidArgument("{} feature values were given, the model has {} features", values.size(), features_.size());
  }
  for (size_t i = 0; i < values.size(); ++i) {
    const Value& value = values[i];
    if (value.is_null()) {
      cells[i] = kMissing;
      continue;
    }
    if ((value.type() == TypeId::kVarchar) != (features_[i].type == TypeId::kVarchar)) {
      return InvalidArgument("feature '{}' is a {}, but {} '{}' was given", features_[i].name,
                             TypeName(features_[i].type), TypeName(value.type()), value.ToString());
    }
    cells[i] = value.type() == TypeId::kVarchar ? Encode(i, value.str()) : NumberOf(value);
  }
  return absl::OkStatus();
}

Json CategoryEncoder::ToJson() const {
  Json::Array features;
  for (const FeatureSpec& spec : features_) {
    Json::Object feature{{"name", spec.name}, {"type", TypeName(spec.type)}};
    if (spec.type == TypeId::kVarchar) {
      feature.emplace_back("categories", Json::Array(spec.categories.begin(), spec.categories.end()));
    }
    features.emplace_back(std::move(feature));
  }
  return Json(std::move(features));
}

StatusOr<CategoryEncoder> CategoryEncoder::FromJson(const Json& json) {
  if (!json.is_array()) return InvalidArgument("the features are no array");
  std::vector<FeatureSpec> specs;
  for (const Json& feature : json.array()) {
    HR_ASSIGN_OR_RETURN(FeatureSpec spec, SpecFromJson(feature));
    if (!std::is_sorted(spec.categories.begin(), spec.categories.end())) {
      return InvalidArgument("the categories of feature '{}' are not in order", spec.name);
    }
    specs.push_back(std::move(spec));
  }
  return CategoryEncoder(std::move(specs));
}

StatusOr<FeatureMatrix> FromColumns(const RecordBatch& batch, const CategoryEncoder& encoder,
                                    std::span<const uint32_t> rows) {
  FeatureMatrix matrix{rows.size(), encoder.size(), {}};
  matrix.values.resize(rows.size() * encoder.size());
  for (size_t i = 0; i < encoder.size(); ++i) {
    const FeatureSpec& spec = encoder.features()[i];
    const Column* column = batch.Find(spec.name);
    if (column == nullptr) return NoSuchColumn(batch, spec.name);
    // A decimal is a double to a model, whatever its width.
    const bool as_double = HasFraction(column->type()) && HasFraction(spec.type);
    if (column->type() != spec.type && !as_double) {
      return InvalidArgument("feature '{}' is a {} here, but the model was trained with a {}", spec.name,
                             TypeName(column->type()), TypeName(spec.type));
    }
    FillColumn(*column, encoder, i, rows, matrix);
  }
  return matrix;
}

StatusOr<FeatureMatrix> FromColumns(const RecordBatch& batch, const CategoryEncoder& encoder) {
  std::vector<uint32_t> rows(batch.num_rows);
  std::iota(rows.begin(), rows.end(), 0u);
  return FromColumns(batch, encoder, rows);
}

}  // namespace headrace
