#include "monitoring/ledger_entry.h"

#include <bit>
#include <limits>

#include "base/codec.h"

namespace headrace {
namespace {

constexpr uint8_t kPrediction = 1;
constexpr uint8_t kLabels = 2;

void PutDouble(double v, ByteWriter* out) {
  out->PutU64(std::bit_cast<uint64_t>(v));
}

Status GetDouble(ByteReader* in, double* v) {
  uint64_t bits = 0;
  HR_RETURN_IF_ERROR(in->GetU64(&bits));
  *v = std::bit_cast<double>(bits);
  return absl::OkStatus();
}

void PutFeature(const Field& field, const Value& value, ByteWriter* out) {
  out->PutText(field.name);
  out->PutType(field.type);
  out->PutValue(value);
}

Status GetFeature(ByteReader* in, Field* field, Value* value) {
  HR_RETURN_IF_ERROR(in->GetText(&field->name));
  HR_ASSIGN_OR_RETURN(field->type, in->GetType());
  HR_ASSIGN_OR_RETURN(*value, in->GetValue(field->type));
  return absl::OkStatus();
}

void PutPrediction(const Prediction& p, ByteWriter* out) {
  out->PutU8(kPrediction);
  out->PutText(p.id);
  out->PutI64(p.time);
  out->PutText(p.model);
  out->PutI64(p.version);
  out->PutText(p.alias);
  out->PutText(p.replay);
  out->PutText(p.request_json);
  PutDouble(p.value, out);
  out->PutU32(static_cast<uint32_t>(p.class_values.size()));
  for (const double v : p.class_values) PutDouble(v, out);
  out->PutI64(p.latency_us);
  out->PutI64(p.asked_at);
  out->PutText(p.definitions);
  out->PutU32(static_cast<uint32_t>(p.values.size()));
  for (size_t i = 0; i < p.values.size(); ++i) PutFeature((*p.features)[i], p.values[i], out);
}

Status GetFeatures(ByteReader* in, Prediction* p, std::shared_ptr<const Schema>* features) {
  uint32_t count = 0;
  HR_RETURN_IF_ERROR(in->GetU32(&count));
  Schema schema;
  for (uint32_t i = 0; i < count; ++i) {
    HR_RETURN_IF_ERROR(GetFeature(in, &schema.emplace_back(), &p->values.emplace_back()));
  }
  if (*features == nullptr || **features != schema) *features = std::make_shared<const Schema>(std::move(schema));
  p->features = *features;
  return absl::OkStatus();
}

StatusOr<LedgerEntry> GetPrediction(ByteReader* in, std::shared_ptr<const Schema>* features) {
  Prediction p;
  uint32_t count = 0;
  HR_RETURN_IF_ERROR(in->GetText(&p.id));
  HR_RETURN_IF_ERROR(in->GetI64(&p.time));
  HR_RETURN_IF_ERROR(in->GetText(&p.model));
  HR_RETURN_IF_ERROR(in->GetI64(&p.version));
  HR_RETURN_IF_ERROR(in->GetText(&p.alias));
  HR_RETURN_IF_ERROR(in->GetText(&p.replay));
  HR_RETURN_IF_ERROR(in->GetText(&p.request_json));
  HR_RETURN_IF_ERROR(GetDouble(in, &p.value));
  HR_RETURN_IF_ERROR(in->GetU32(&count));
  for (uint32_t i = 0; i < count; ++i) HR_RETURN_IF_ERROR(GetDouble(in, &p.class_values.emplace_back()));
  HR_RETURN_IF_ERROR(in->GetI64(&p.latency_us));
  HR_RETURN_IF_ERROR(in->GetI64(&p.asked_at));
  HR_RETURN_IF_ERROR(in->GetText(&p.definitions));
  HR_RETURN_IF_ERROR(GetFeatures(in, &p, features));
  return p;
}

StatusOr<LedgerEntry> GetLabels(ByteReader* in) {
  ModelLabels result;
  uint32_t count = 0;
  HR_RETURN_IF_ERROR(in->GetText(&result.model));
  HR_RETURN_IF_ERROR(in->GetU32(&count));
  for (uint32_t i = 0; i < count; ++i) {
    Label& label = result.labels.emplace_back();
    HR_RETURN_IF_ERROR(in->GetText(&label.id));
    HR_RETURN_IF_ERROR(GetDouble(in, &label.label));
    HR_RETURN_IF_ERROR(in->GetI64(&label.known_at));
  }
  return result;
}

// Well-formed UTF-8 (RFC 3629): no overlong forms, no surrogates, nothing above U+10FFFF.
bool IsUtf8(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    const auto byte = [&](size_t at) { return at < text.size() ? static_cast<uint8_t>(text[at]) : uint8_t{0}; };
    const uint8_t first = byte(i);
    const size_t length = first < 0x80   ? 1
                          : first < 0xc2 ? 0
                          : first < 0xe0 ? 2
                          : first < 0xf0 ? 3
                          : first < 0xf5 ? 4
                                         : 0;
    if (length == 0) return false;
    const uint8_t least = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    const uint8_t most = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
    if (length > 1 && (byte(i + 1) < least || byte(i + 1) > most)) return false;
    for (size_t k = 2; k < length; ++k) {
      if ((byte(i + k) & 0xc0) != 0x80) return false;
    }
    i += length;
  }
  return true;
}

// DuckDB gives the ends of the range to the infinities.
bool IsFinite(TimestampUs t) {
  return t < kMaxTimestampUs && t > -kMaxTimestampUs;
}

Status CheckText(std::string_view text, std::string_view what) {
  if (IsUtf8(text)) return absl::OkStatus();
  return InvalidArgument("a prediction's {} is not UTF-8", what);
}

Status CheckValue(const Field& field, const Value& value) {
  if (value.is_null()) return absl::OkStatus();
  if (value.type() != field.type) {
    return InvalidArgument("feature {} is {}, but its value is {}", field.name, TypeName(field.type),
                           TypeName(value.type()));
  }
  if (IsNested(field.type)) {
    // In the words of a map or a list there are its texts.
    return CheckText(value.ToString(), field.name);
  }
  if (field.type == TypeId::kVarchar) return CheckText(value.str(), field.name);
  const bool date_fits = field.type != TypeId::kDate || (value.int64() < std::numeric_limits<int32_t>::max() &&
                                                         value.int64() > -std::numeric_limits<int32_t>::max());
  if (!date_fits || (field.type == TypeId::kTimestamp && !IsFinite(value.int64()))) {
    return InvalidArgument("feature {}: {} is out of the range of {}", field.name, value.ToString(),
                           TypeName(field.type));
  }
  return absl::OkStatus();
}

}  // namespace

std::string EncodeEntry(const LedgerEntry& entry) {
  ByteWriter out;
  if (const auto* prediction = std::get_if<Prediction>(&entry)) {
    PutPrediction(*prediction, &out);
  } else {
    const auto& labels = std::get<ModelLabels>(entry);
    out.PutU8(kLabels);
    out.PutText(labels.model);
    out.PutU32(static_cast<uint32_t>(labels.labels.size()));
    for (const Label& label : labels.labels) {
      out.PutText(label.id);
      PutDouble(label.label, &out);
      out.PutI64(label.known_at);
    }
  }
  return std::move(out).Finish();
}

StatusOr<LedgerEntry> DecodeEntry(std::string_view payload, std::shared_ptr<const Schema>* features) {
  ByteReader in(payload);
  uint8_t kind = 0;
  HR_RETURN_IF_ERROR(in.GetU8(&kind));
  if (kind != kPrediction && kind != kLabels) return DataLoss("{} is no kind of a ledger entry", kind);
  StatusOr<LedgerEntry> entry = kind == kPrediction ? GetPrediction(&in, features) : GetLabels(&in);
  if (entry.ok() && !in.AtEnd()) return DataLoss("a ledger entry is longer than its content");
  return entry;
}

Status CheckPrediction(const Prediction& p) {
  if (p.id.empty() || p.model.empty()) return InvalidArgument("a prediction without an id or a model");
  const size_t features = p.features == nullptr ? 0 : p.features->size();
  if (p.values.size() != features) {
    return InvalidArgument("a prediction with {} values for {} features", p.values.size(), features);
  }
  if (!IsFinite(p.time)) return InvalidArgument("a prediction's time is out of range");
  HR_RETURN_IF_ERROR(CheckText(p.id, "id"));
  HR_RETURN_IF_ERROR(CheckText(p.model, "model"));
  HR_RETURN_IF_ERROR(CheckText(p.alias, "alias"));
  HR_RETURN_IF_ERROR(CheckText(p.replay, "replay"));
  HR_RETURN_IF_ERROR(CheckText(p.request_json, "request"));
  HR_RETURN_IF_ERROR(CheckText(p.definitions, "definitions"));
  for (size_t i = 0; i < features; ++i) HR_RETURN_IF_ERROR(CheckValue((*p.features)[i], p.values[i]));
  return absl::OkStatus();
}

Status CheckLabels(const ModelLabels& labels) {
  for (const Label& label : labels.labels) {
    HR_RETURN_IF_ERROR(CheckText(label.id, "id"));
    if (!IsFinite(label.known_at)) return InvalidArgument("label of '{}': its time is out of range", label.id);
  }
  return absl::OkStatus();
}

}  // namespace headrace
