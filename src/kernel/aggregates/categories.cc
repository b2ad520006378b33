// sum_by, avg_by, min_by_category, max_by_category: a state per category.
#include "kernel/aggregates/categories.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <string>
#include <vector>

#include "base/nested.h"
#include "kernel/aggregate.h"
#include "kernel/aggregates/states.h"
#include "kernel/aggregates/value_code.h"

namespace headrace::aggregates {
namespace {

using K = AggregateKind;

// min and max of values that may be taken out again.
template <typename Code>
class EvictableExtreme final : public MergeableState<EvictableExtreme<Code>> {
 public:
  static constexpr StateForm kForm = StateForm::kValuesOfCategory;
  void Encode(ByteWriter* out) const override { PutCounts(counts_, out); }
  Status Decode(ByteReader* in) override {
    int64_t total = 0;
    HR_RETURN_IF_ERROR(GetCounts(in, &counts_, &total));
    return counts_.empty() ? DataLoss("a category without values") : absl::OkStatus();
  }

  explicit EvictableExtreme(const AggregateCall& call) : call_(call) {}

  void Add(const EventsView& rows, size_t row) override { ++counts_[CodeOf<Code>(rows.slots[*call_.argument], row)]; }
  void Subtract(const EventsView& rows, size_t row) override {
    const auto it = counts_.find(CodeOf<Code>(rows.slots[*call_.argument], row));
    if (--it->second == 0) counts_.erase(it);
  }
  void MergeSame(const EvictableExtreme& other) {
    for (const auto& [code, count] : other.counts_) counts_[code] += count;
  }
  bool AppendResult(TimestampUs, Column* out) const override {
    AppendCode(call_.kind == K::kMin ? counts_.begin()->first : counts_.rbegin()->first, call_.argument_type, out);
    return false;
  }

 private:
  const AggregateCall call_;
  std::map<Code, int64_t> counts_;
};

// The call whose value each category has.
AggregateCall WithinCategory(const AggregateCall& call) {
  AggregateCall inner = call;
  inner.kind = call.kind == K::kSumBy           ? K::kSum
               : call.kind == K::kAvgBy         ? K::kAvg
               : call.kind == K::kMinByCategory ? K::kMin
                                                : K::kMax;
  inner.result_type = ElementOf(call.result_type);
  return inner;
}

std::unique_ptr<AggregateState> MakeInner(const AggregateCall& inner) {
  if (inner.kind == K::kSum || inner.kind == K::kAvg) return MakeSumState(inner);
  if (inner.argument_type == TypeId::kVarchar) return std::make_unique<EvictableExtreme<std::string>>(inner);
  return std::make_unique<EvictableExtreme<int64_t>>(inner);
}

template <typename Code>
class CategoryState final : public MergeableState<CategoryState<Code>> {
 public:
  static constexpr StateForm kForm = StateForm::kCategories;
  void Encode(ByteWriter* out) const override {
    out->PutU32(static_cast<uint32_t>(categories_.size()));
    for (const auto& [code, category] : categories_) {
      PutCode(code, out);
      out->PutI64(category.rows);
      category.state->Encode(out);
    }
  }
  Status Decode(ByteReader* in) override {
    uint32_t count = 0;
    HR_RETURN_IF_ERROR(in->GetU32(&count));
    categories_.clear();
    for (uint32_t i = 0; i < count; ++i) {
      Code code{};
      int64_t rows = 0;
      HR_RETURN_IF_ERROR(GetCode(in, &code));
      HR_RETURN_IF_ERROR(in->GetI64(&rows));
      if (rows < 1 || (!categories_.empty() && !(categories_.rbegin()->first < code)))
        return DataLoss("a damaged category");
      Category& category = At(code);
      category.rows = rows;
      HR_RETURN_IF_ERROR(category.state->Decode(in));
    }
    return absl::OkStatus();
  }

  explicit CategoryState(const AggregateCall& call) : call_(call), inner_(WithinCategory(call)) {}

  void Add(const EventsView& rows, size_t row) override {
    Category& category = At(CodeOf<Code>(rows.slots[*call_.second], row));
    category.state->Add(rows, row);
    ++category.rows;
  }
  void Subtract(const EventsView& rows, size_t row) override {
    const auto it = categories_.find(CodeOf<Code>(rows.slots[*call_.second], row));
    it->second.state->Subtract(rows, row);
    if (--it->second.rows == 0) categories_.erase(it);
  }
  void MergeSame(const CategoryState& other) {
    for (const auto& [code, theirs] : other.categories_) {
      Category& category = At(code);
      category.state->Merge(*theirs.state);
      category.rows += theirs.rows;
    }
  }

  bool AppendResult(TimestampUs t, Column* out) const override {
    if (categories_.empty()) {
      out->AppendNull();
      return false;
    }
    Column keys(KeyOf(call_.result_type));
    Column values(ElementOf(call_.result_type));
    bool overflow = false;
    for (const auto& [code, category] : categories_) {
      AppendCode(code, keys.type(), &keys);
      overflow |= category.state->AppendResult(t, &values);
    }
    return AppendCategories(call_, keys, values, out) || overflow;
  }

 private:
  struct Category {
    std::unique_ptr<AggregateState> state;
    int64_t rows = 0;
  };

  Category& At(const Code& code) {
    Category& category = categories_[code];
    if (category.state == nullptr) category.state = MakeInner(inner_);
    return category;
  }

  const AggregateCall call_;
  const AggregateCall inner_;
  std::map<Code, Category> categories_;
};

// The rows of the `count` greatest values, ascending.
std::vector<uint32_t> GreatestValues(const Column& values, size_t count) {
  std::vector<uint32_t> rows(values.size());
  std::iota(rows.begin(), rows.end(), 0);
  std::stable_sort(rows.begin(), rows.end(), [&](uint32_t a, uint32_t b) {
    if (values.IsNull(a) || values.IsNull(b)) return !values.IsNull(a) && values.IsNull(b);
    return CompareCells(values, a, values, b) > 0;
  });
  rows.resize(std::min(rows.size(), count));
  std::sort(rows.begin(), rows.end());
  return rows;
}

}  // namespace

bool AppendCategories(const AggregateCall& call, const Column& keys, const Column& values, Column* out) {
  const auto wanted = static_cast<size_t>(call.parameter);
  if (wanted == 0 && keys.size() > kMaxElements) {
    out->AppendNull();
    return true;
  }
  if (wanted == 0 || wanted >= keys.size()) {
    out->AppendString(EncodeMap(keys, values));
    return false;
  }
  std::vector<uint32_t> rows(wanted);
  std::iota(rows.begin(), rows.end(), static_cast<uint32_t>(keys.size() - wanted));
  if (!call.by_key) rows = GreatestValues(values, wanted);
  out->AppendString(EncodeMap(keys.Take(rows), values.Take(rows)));
  return false;
}

std::unique_ptr<AggregateState> MakeCategoryState(const AggregateCall& call) {
  if (KeyOf(call.result_type) == TypeId::kVarchar) return std::make_unique<CategoryState<std::string>>(call);
  return std::make_unique<CategoryState<int64_t>>(call);
}

}  // namespace headrace::aggregates
