#include "features/offline/feature_rows.h"

#include "features/offline/event_block.h"

namespace headrace {
namespace {

template <typename T>
void Scatter(std::span<const T> values, std::span<const uint32_t> rows, std::vector<T>* to) {
  for (size_t i = 0; i < rows.size(); ++i) (*to)[rows[i]] = values[i];
}

}  // namespace

FeatureRows::FeatureRows(const Schema& features, size_t rows) : num_rows_(rows) {
  for (const Field& field : features) {
    Feature feature{field.type, {}, {}, {}};
    if (field.type == TypeId::kDouble) {
      feature.doubles.resize(rows);
    } else if (HasFixedWidth(field.type)) {
      feature.ints.resize(rows);
    }
    if (HasFixedWidth(field.type)) feature.validity.assign(rows, 1);
    features_.push_back(std::move(feature));
  }
}

void FeatureRows::Write(std::span<const uint32_t> rows, std::vector<Column> features) {
  bool any_varying = false;
  for (size_t i = 0; i < features_.size(); ++i) {
    Feature& feature = features_[i];
    if (!HasFixedWidth(feature.type)) {
      any_varying = true;
      continue;
    }
    if (feature.type == TypeId::kDouble) {
      Scatter(features[i].doubles(), rows, &feature.doubles);
    } else {
      Scatter(features[i].ints(), rows, &feature.ints);
    }
    if (features[i].has_nulls()) Scatter(features[i].validity(), rows, &feature.validity);
    features[i] = Column(feature.type);
  }
  if (!any_varying || rows.empty()) return;
  const std::lock_guard lock(mutex_);
  varying_.push_back({{rows.begin(), rows.end()}, std::move(features)});
}

void FeatureRows::WriteSame(std::span<const uint32_t> rows, std::vector<Column> features) {
  const std::vector<uint32_t> first(rows.size(), 0);
  for (Column& feature : features) feature = feature.Take(first);
  Write(rows, std::move(features));
}

std::vector<Column> FeatureRows::Finish() && {
  struct Source {
    uint32_t part, row;
  };
  std::vector<Source> sources(varying_.empty() ? 0 : num_rows_);
  for (uint32_t part = 0; part < varying_.size(); ++part) {
    const std::vector<uint32_t>& rows = varying_[part].rows;
    for (uint32_t row = 0; row < rows.size(); ++row) sources[rows[row]] = {part, row};
  }
  std::vector<Column> columns;
  for (size_t i = 0; i < features_.size(); ++i) {
    Feature& feature = features_[i];
    if (feature.type == TypeId::kDouble) {
      columns.push_back(Column::Doubles(std::move(feature.doubles), std::move(feature.validity)));
    } else if (HasFixedWidth(feature.type)) {
      columns.push_back(Column::Integers(feature.type, std::move(feature.ints), std::move(feature.validity)));
    } else {
      Column column(feature.type);
      column.Reserve(num_rows_);
      for (const Source& source : sources) column.AppendFrom(varying_[source.part].features[i], source.row);
      columns.push_back(std::move(column));
    }
  }
  return columns;
}

}  // namespace headrace
