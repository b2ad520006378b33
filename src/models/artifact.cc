#include "models/artifact.h"

#include <cstring>
#include <limits>
#include <optional>

#include "base/hash.h"

namespace headrace {
namespace {

constexpr std::string_view kMagic = "HRMODEL\n";
constexpr uint32_t kVersion = 1;
constexpr size_t kPrefixSize = 24;
constexpr size_t kChecksumSize = 64;

constexpr Algorithm kAlgorithms[] = {Algorithm::kLightGbm, Algorithm::kLogisticRegression, Algorithm::kLinearRegression,
                                     Algorithm::kExternal, Algorithm::kImported};
constexpr Task kTasks[] = {Task::kBinary, Task::kMulticlass, Task::kRegression};

template <typename T>
void AppendLittleEndian(T value, std::string* out) {
  for (size_t i = 0; i < sizeof(T); ++i) out->push_back(static_cast<char>(value >> (8 * i) & 0xff));
}

template <typename T>
T ReadLittleEndian(std::string_view bytes) {
  T value = 0;
  for (size_t i = 0; i < sizeof(T); ++i) value |= static_cast<T>(static_cast<unsigned char>(bytes[i])) << (8 * i);
  return value;
}

// The constant of `all` whose name is `text`.
template <typename T, size_t n>
StatusOr<T> ByName(const T (&all)[n], std::string_view (*name_of)(T), std::string_view text) {
  for (const T value : all) {
    if (name_of(value) == text) return value;
  }
  return InvalidArgument("'{}' is not known", text);
}

Json HeaderOf(const ModelArtifact& artifact) {
  return Json(Json::Object{{"algorithm", AlgorithmName(artifact.algorithm)},
                           {"task", TaskName(artifact.task)},
                           {"features", artifact.encoder.ToJson()},
                           {"classes", Json::Array(artifact.classes.begin(), artifact.classes.end())},
                           {"params", artifact.params}});
}

StatusOr<ModelArtifact> FromHeader(std::string_view text) {
  HR_ASSIGN_OR_RETURN(const Json header, Json::Parse(text));
  ModelArtifact artifact;
  HR_ASSIGN_OR_RETURN(const std::string algorithm, header.GetString("algorithm"));
  HR_ASSIGN_OR_RETURN(artifact.algorithm, ByName(kAlgorithms, AlgorithmName, algorithm));
  HR_ASSIGN_OR_RETURN(const std::string task, header.GetString("task"));
  HR_ASSIGN_OR_RETURN(artifact.task, ByName(kTasks, TaskName, task));
  const Json* features = header.Find("features");
  HR_ASSIGN_OR_RETURN(artifact.encoder, CategoryEncoder::FromJson(features == nullptr ? Json() : *features));
  if (const Json* classes = header.Find("classes"); classes != nullptr && classes->is_array()) {
    for (const Json& name : classes->array()) artifact.classes.push_back(name.is_string() ? name.str() : name.Dump());
  }
  if (const Json* params = header.Find("params"); params != nullptr) artifact.params = *params;
  return artifact;
}

Status CheckFrame(std::string_view bytes, std::string_view name) {
  if (bytes.size() < kPrefixSize + kChecksumSize || !bytes.starts_with(kMagic)) {
    return DataLoss("{}: this is no model file of Headrace, or it is cut short", name);
  }
  if (const auto version = ReadLittleEndian<uint32_t>(bytes.substr(8)); version != kVersion) {
    if (version > kVersion && version < 1000) {
      return FailedPrecondition("{}: written by a newer Headrace (format {}, this one reads {})", name, version,
                                kVersion);
    }
    return DataLoss("{}: damaged: the format version is {}", name, version);
  }
  const size_t content = bytes.size() - kPrefixSize - kChecksumSize;
  const uint64_t header = ReadLittleEndian<uint32_t>(bytes.substr(12));
  if (header > content || ReadLittleEndian<uint64_t>(bytes.substr(16)) != content - header) {
    return DataLoss("{}: damaged: its size does not fit its lengths", name);
  }
  if (Sha256Hex(bytes.substr(0, bytes.size() - kChecksumSize)) != bytes.substr(bytes.size() - kChecksumSize)) {
    return DataLoss("{}: damaged: the checksum does not match", name);
  }
  return absl::OkStatus();
}

}  // namespace

std::string EncodeArtifact(const ModelArtifact& artifact) {
  const std::string header = HeaderOf(artifact).Dump();
  std::string bytes(kMagic);
  AppendLittleEndian(kVersion, &bytes);
  AppendLittleEndian(static_cast<uint32_t>(header.size()), &bytes);
  AppendLittleEndian(static_cast<uint64_t>(artifact.payload.size()), &bytes);
  bytes += header;
  bytes += artifact.payload;
  bytes += Sha256Hex(bytes);
  return bytes;
}

StatusOr<ModelArtifact> DecodeArtifact(std::string_view bytes, std::string_view name) {
  HR_RETURN_IF_ERROR(CheckFrame(bytes, name));
  const size_t header_size = ReadLittleEndian<uint32_t>(bytes.substr(12));
  StatusOr<ModelArtifact> artifact = FromHeader(bytes.substr(kPrefixSize, header_size));
  if (!artifact.ok()) return DataLoss("{}: its header cannot be read: {}", name, Message(artifact.status()));
  artifact->payload = bytes.substr(kPrefixSize + header_size, bytes.size() - kPrefixSize - header_size - kChecksumSize);
  return artifact;
}

std::string_view AlgorithmName(Algorithm algorithm) {
  switch (algorithm) {
    case Algorithm::kLightGbm:
      return "lightgbm";
    case Algorithm::kLogisticRegression:
      return "logistic_regression";
    case Algorithm::kLinearRegression:
      return "linear_regression";
    case Algorithm::kExternal:
      return "external";
    case Algorithm::kImported:
      return "imported";
  }
  return "";
}

std::string_view TaskName(Task task) {
  switch (task) {
    case Task::kBinary:
      return "binary";
    case Task::kMulticlass:
      return "multiclass";
    case Task::kRegression:
      return "regression";
  }
  return "";
}

}  // namespace headrace
