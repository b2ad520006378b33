#include "engine/segment_manifest.h"

#include "base/hash.h"
#include "base/json.h"

namespace headrace {
namespace {

constexpr std::string_view kFormat = "headrace event segment 1";

Json FileToJson(const SegmentFile& file) {
  Json::Array columns;
  for (const Field& field : file.columns)
    columns.push_back(Json::Object{{"name", field.name}, {"type", std::string(TypeName(field.type))}});
  return Json::Object{{"source", file.source},
                      {"file", file.name},
                      {"rows", file.rows},
                      {"bytes", file.bytes},
                      {"hash", file.hash},
                      {"columns", std::move(columns)},
                      {"hex", Json::Array(file.hex.begin(), file.hex.end())}};
}

StatusOr<const Json::Array*> ArrayOf(const Json& json, std::string_view key) {
  const Json* found = json.Find(key);
  if (found == nullptr || !found->is_array()) return DataLoss("it has no list '{}'", key);
  return &found->array();
}

StatusOr<SegmentFile> FileFromJson(const Json& json) {
  SegmentFile file;
  HR_ASSIGN_OR_RETURN(file.source, json.GetString("source"));
  HR_ASSIGN_OR_RETURN(file.name, json.GetString("file"));
  HR_ASSIGN_OR_RETURN(file.rows, json.GetInteger("rows"));
  HR_ASSIGN_OR_RETURN(file.bytes, json.GetInteger("bytes"));
  HR_ASSIGN_OR_RETURN(file.hash, json.GetString("hash"));
  HR_ASSIGN_OR_RETURN(const Json::Array* const columns, ArrayOf(json, "columns"));
  for (const Json& column : *columns) {
    Field field;
    HR_ASSIGN_OR_RETURN(field.name, column.GetString("name"));
    HR_ASSIGN_OR_RETURN(const std::string type, column.GetString("type"));
    HR_ASSIGN_OR_RETURN(field.type, ParseTypeName(type));
    file.columns.push_back(std::move(field));
  }
  HR_ASSIGN_OR_RETURN(const Json::Array* const hex, ArrayOf(json, "hex"));
  for (const Json& column : *hex) file.hex.push_back(column.str());
  return file;
}

std::string HashOf(Json::Object object) {
  std::erase_if(object, [](const Json::Member& member) { return member.first == "hash"; });
  return Xxh128Hex(Json(std::move(object)).Dump());
}

StatusOr<Segment> FromJson(const Json& json) {
  if (!json.is_object()) return DataLoss("it is no object");
  HR_ASSIGN_OR_RETURN(const std::string format, json.GetString("format"));
  if (format != kFormat) return FailedPrecondition("it is '{}', this program reads '{}'", format, kFormat);
  HR_ASSIGN_OR_RETURN(const std::string hash, json.GetString("hash"));
  if (hash != HashOf(json.object())) return DataLoss("its content is not what its hash says");
  Segment segment;
  HR_ASSIGN_OR_RETURN(const int64_t first, json.GetInteger("first"));
  HR_ASSIGN_OR_RETURN(const int64_t last, json.GetInteger("last"));
  segment.first = static_cast<uint64_t>(first);
  segment.last = static_cast<uint64_t>(last);
  HR_ASSIGN_OR_RETURN(segment.log_hash, json.GetString("log_hash"));
  HR_ASSIGN_OR_RETURN(const Json::Array* const files, ArrayOf(json, "files"));
  for (const Json& file : *files) {
    HR_ASSIGN_OR_RETURN(SegmentFile decoded, FileFromJson(file));
    segment.files.push_back(std::move(decoded));
  }
  return segment;
}

}  // namespace

std::string EncodeManifest(const Segment& segment) {
  Json::Array files;
  for (const SegmentFile& file : segment.files) files.push_back(FileToJson(file));
  Json::Object manifest = {{"format", kFormat},
                           {"first", static_cast<int64_t>(segment.first)},
                           {"last", static_cast<int64_t>(segment.last)},
                           {"log_hash", segment.log_hash},
                           {"files", std::move(files)}};
  std::string hash = HashOf(manifest);
  manifest.emplace_back("hash", std::move(hash));
  return Json(std::move(manifest)).DumpPretty();
}

StatusOr<Segment> DecodeManifest(std::string_view text) {
  StatusOr<Json> json = Json::Parse(text);
  if (!json.ok()) return DataLoss("{}", Message(json.status()));
  StatusOr<Segment> segment = FromJson(*json);
  if (segment.ok() || absl::IsFailedPrecondition(segment.status())) return segment;
  return DataLoss("{}", Message(segment.status()));
}

}  // namespace headrace
