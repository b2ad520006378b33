#include "models/train/lightgbm.h"

#include <algorithm>
#include <cstdlib>
#include <limits>

#include "LightGBM/c_api.h"
#include "models/train/lightgbm_params.h"

namespace headrace {
namespace {

// LightGBM's threads (libgomp) spin while they wait for each other, unless the environment says otherwise before
// libgomp is loaded. On a machine with anything else to do, which ours is while it serves, spinning made a training of
// 230,000 rows take 20 s instead of 3 s; on an idle machine it gains next to nothing. So it is said before any library
// starts, which is what .preinit_array is for; a user's own setting stands. (Sanitizers are not up yet that early.)
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
void LetThreadsSleep() {
  ::setenv("OMP_WAIT_POLICY", "passive", 0);
}
__attribute__((section(".preinit_array"), used)) void (*const kBeforeLibraries)() = LetThreadsSleep;
#endif

struct FreeDataset {
  void operator()(void* handle) const { LGBM_DatasetFree(handle); }
};
struct FreeBooster {
  void operator()(void* handle) const { LGBM_BoosterFree(handle); }
};
using DatasetPointer = std::unique_ptr<void, FreeDataset>;
using BoosterPointer = std::unique_ptr<void, FreeBooster>;

// LightGBM prints to standard output unless told otherwise, thread by thread.
void Silence() {
  LGBM_RegisterLogCallback([](const char*) {});
}

Status Check(int result, std::string_view what) {
  if (result == 0) return absl::OkStatus();
  const std::string_view error = LGBM_GetLastError();
  return InvalidArgument("LightGBM, {}: {}", what, error.substr(0, error.find(" at /")));  // without its source's path
}

// LightGBM refuses the characters of JSON, and takes blanks for underscores.
std::string SafeName(const std::string& name, size_t index) {
  const bool safe = !name.empty() && std::ranges::all_of(name, [](char c) {
    return c > ' ' && std::string_view("\",:[]{}=").find(c) == std::string_view::npos;
  });
  return safe ? name : fmt::format("Column_{}", index);
}

Status NameFeatures(void* dataset, const CategoryEncoder& encoder) {
  std::vector<std::string> names;
  for (const FeatureSpec& feature : encoder.features()) names.push_back(SafeName(feature.name, names.size()));
  std::vector<const char*> pointers;
  pointers.reserve(names.size());
  for (const std::string& name : names) pointers.push_back(name.c_str());
  return Check(LGBM_DatasetSetFeatureNames(dataset, pointers.data(), static_cast<int>(pointers.size())),
               "feature names");
}

StatusOr<DatasetPointer> MakeDataset(const LightGbmData& data, const std::string& params, void* reference) {
  if (data.matrix->num_rows > static_cast<size_t>(std::numeric_limits<int32_t>::max())) {
    return ResourceExhausted("LightGBM takes at most {} rows, not {}", std::numeric_limits<int32_t>::max(),
                             data.matrix->num_rows);
  }
  void* handle = nullptr;
  HR_RETURN_IF_ERROR(Check(
      LGBM_DatasetCreateFromMat(data.matrix->values.data(), C_API_DTYPE_FLOAT64,
                                static_cast<int32_t>(data.matrix->num_rows),
                                static_cast<int32_t>(data.matrix->num_features), 1, params.c_str(), reference, &handle),
      "reading the rows"));
  DatasetPointer dataset(handle);
  const std::vector<float> labels(data.labels.begin(), data.labels.end());
  HR_RETURN_IF_ERROR(
      Check(LGBM_DatasetSetField(handle, "label", labels.data(), static_cast<int>(labels.size()), C_API_DTYPE_FLOAT32),
            "labels"));
  return dataset;
}

std::string DatasetParams(const LightGbmParams& params, const CategoryEncoder& encoder) {
  std::string categorical;
  for (size_t i = 0; i < encoder.size(); ++i) {
    if (encoder.features()[i].type == TypeId::kVarchar)
      categorical += fmt::format("{}{}", categorical.empty() ? "" : ",", i);
  }
  return params.ToText() + (categorical.empty() ? "" : "categorical_feature=" + categorical);
}

StatusOr<std::string> SavedText(void* booster, int iterations) {
  std::string text(1 << 20, '\0');
  int64_t length = 0;
  for (int attempt = 0; attempt < 2; ++attempt) {
    HR_RETURN_IF_ERROR(Check(LGBM_BoosterSaveModelToString(booster, 0, iterations, C_API_FEATURE_IMPORTANCE_SPLIT,
                                                           static_cast<int64_t>(text.size()), &length, text.data()),
                             "saving"));
    if (length <= static_cast<int64_t>(text.size())) break;
    text.resize(static_cast<size_t>(length));
  }
  text.resize(static_cast<size_t>(length) - 1);  // without the NUL
  return text;
}

// The first metric on the validation part, after each iteration.
class EarlyStopping {
 public:
  EarlyStopping(void* booster, const LightGbmParams& params) : booster_(booster), params_(params) {}

  Status Start() {
    HR_RETURN_IF_ERROR(Check(LGBM_BoosterGetEvalCounts(booster_, &num_metrics_), "metrics"));
    if (num_metrics_ == 0) return InvalidArgument("params: 'early_stopping_round' needs a metric");
    std::vector<std::string> buffers(static_cast<size_t>(num_metrics_), std::string(256, '\0'));
    std::vector<char*> pointers;
    pointers.reserve(buffers.size());
    for (std::string& buffer : buffers) pointers.push_back(buffer.data());
    int count = 0;
    size_t needed = 0;
    HR_RETURN_IF_ERROR(
        Check(LGBM_BoosterGetEvalNames(booster_, num_metrics_, &count, 256, &needed, pointers.data()), "metrics"));
    const std::string_view name(buffers[0].c_str());
    higher_is_better_ = name.starts_with("auc") || name == "average_precision" || name == "r2";
    return absl::OkStatus();
  }

  // True when `iteration` (from 1) was the last one.
  StatusOr<bool> IsOver(int iteration) {
    std::vector<double> values(static_cast<size_t>(num_metrics_));
    int count = 0;
    HR_RETURN_IF_ERROR(Check(LGBM_BoosterGetEval(booster_, 1, &count, values.data()), "evaluation"));
    const double score = higher_is_better_ ? values[0] : -values[0];
    if (best_iteration_ == 0 || score > best_score_ + params_.early_stopping_min_delta) {
      best_score_ = score;
      best_iteration_ = iteration;
    }
    return iteration - best_iteration_ >= params_.early_stopping_round;
  }

  int best_iteration() const { return best_iteration_; }

 private:
  void* booster_;
  const LightGbmParams& params_;
  int num_metrics_ = 0;
  bool higher_is_better_ = false;
  double best_score_ = 0;
  int best_iteration_ = 0;
};

// Runs the iterations; the number of those to keep.
StatusOr<int> Iterate(void* booster, const LightGbmParams& params, const std::string& name, Output& output) {
  const std::string step = fmt::format("training {}", name);
  EarlyStopping stopping(booster, params);
  const bool stops_early = params.early_stopping_round > 0;
  if (stops_early) HR_RETURN_IF_ERROR(stopping.Start());
  for (int iteration = 1; iteration <= params.num_iterations; ++iteration) {
    int is_finished = 0;  // no leaf can be split any more
    HR_RETURN_IF_ERROR(Check(LGBM_BoosterUpdateOneIter(booster, &is_finished), fmt::format("iteration {}", iteration)));
    output.Progress(step, iteration, params.num_iterations);
    if (is_finished != 0) break;
    if (!stops_early) continue;
    HR_ASSIGN_OR_RETURN(const bool is_over, stopping.IsOver(iteration));
    if (is_over) break;
  }
  output.Progress(step, params.num_iterations, params.num_iterations);
  int kept = 0;
  HR_RETURN_IF_ERROR(Check(LGBM_BoosterGetCurrentIteration(booster, &kept), "iterations"));
  return stops_early && stopping.best_iteration() > 0 ? std::min(kept, stopping.best_iteration()) : kept;
}

// LightGBM's threads wait for each other many times per tree: below this many cells a second one costs more than it
// gives, and very much more on a busy machine. The result does not depend on it.
constexpr size_t kCellsForManyThreads = 1'000'000;

void ChooseThreads(const LightGbmRequest& request, LightGbmParams* params) {
  const bool is_small = request.train.matrix->values.size() < kCellsForManyThreads;
  params->values.try_emplace("num_threads", Json(is_small ? 1 : 0));  // 0: all cores
}

Status CheckRequest(const LightGbmRequest& request, const LightGbmParams& params) {
  if (request.train.matrix->num_rows == 0) return InvalidArgument("the training part has no rows");
  if (params.early_stopping_round > 0 &&
      (request.validation.matrix == nullptr || request.validation.matrix->num_rows == 0)) {
    return InvalidArgument("'early_stopping_round' needs a validation part, and the split leaves it empty");
  }
  return absl::OkStatus();
}

}  // namespace

StatusOr<LightGbmResult> TrainLightGbm(const LightGbmRequest& request, Output& output) {
  Silence();
  HR_ASSIGN_OR_RETURN(LightGbmParams params, ResolveLightGbmParams(request.params, request.task, request.num_classes));
  HR_RETURN_IF_ERROR(CheckRequest(request, params));
  ChooseThreads(request, &params);
  const std::string dataset_params = DatasetParams(params, *request.encoder);
  HR_ASSIGN_OR_RETURN(const DatasetPointer train, MakeDataset(request.train, dataset_params, nullptr));
  HR_RETURN_IF_ERROR(NameFeatures(train.get(), *request.encoder));
  void* handle = nullptr;
  HR_RETURN_IF_ERROR(Check(LGBM_BoosterCreate(train.get(), params.ToText().c_str(), &handle), "parameters"));
  const BoosterPointer booster(handle);
  DatasetPointer validation;
  if (params.early_stopping_round > 0) {
    HR_ASSIGN_OR_RETURN(validation, MakeDataset(request.validation, dataset_params, train.get()));
    HR_RETURN_IF_ERROR(Check(LGBM_BoosterAddValidData(handle, validation.get()), "validation part"));
  }
  LightGbmResult result;
  HR_ASSIGN_OR_RETURN(result.best_iteration, Iterate(handle, params, request.name, output));
  HR_ASSIGN_OR_RETURN(result.model_text, SavedText(handle, result.best_iteration));
  result.params = Json(Json::Object(params.values.begin(), params.values.end()));
  return result;
}

Status CheckLightGbmParams(const std::map<std::string, Json>& params, Task task) {
  return ResolveLightGbmParams(params, task, 3).status();
}

StatusOr<std::unique_ptr<LightGbmBooster>> LightGbmBooster::FromText(const std::string& text) {
  Silence();
  int iterations = 0;
  void* handle = nullptr;
  HR_RETURN_IF_ERROR(Check(LGBM_BoosterLoadModelFromString(text.c_str(), &iterations, &handle), "loading"));
  return std::unique_ptr<LightGbmBooster>(new LightGbmBooster(handle));
}

LightGbmBooster::~LightGbmBooster() {
  LGBM_BoosterFree(handle_);
}

StatusOr<std::vector<double>> LightGbmBooster::Predict(std::span<const double> values, size_t num_features,
                                                       bool raw) const {
  Silence();
  const size_t num_rows = values.size() / num_features;
  int num_classes = 0;
  HR_RETURN_IF_ERROR(Check(LGBM_BoosterGetNumClasses(handle_, &num_classes), "classes"));
  std::vector<double> out(num_rows * static_cast<size_t>(num_classes));
  int64_t length = 0;
  HR_RETURN_IF_ERROR(Check(LGBM_BoosterPredictForMat(handle_, values.data(), C_API_DTYPE_FLOAT64,
                                                     static_cast<int32_t>(num_rows), static_cast<int32_t>(num_features),
                                                     1, raw ? C_API_PREDICT_RAW_SCORE : C_API_PREDICT_NORMAL, 0, -1,
                                                     "verbosity=-1", &length, out.data()),
                           "prediction"));
  return out;
}

}  // namespace headrace
