#include "features/offline/event_block.h"

#include <string>

#include "base/codec.h"

namespace headrace {
namespace {

void PutNumbers(const std::vector<int64_t>& numbers, ByteWriter* writer) {
  writer->PutColumn(Column::Integers(TypeId::kBigint, numbers));
}

Status GetNumbers(ByteReader* reader, std::vector<int64_t>* numbers) {
  HR_ASSIGN_OR_RETURN(const Column column, reader->GetColumn());
  numbers->assign(column.ints().begin(), column.ints().end());
  return absl::OkStatus();
}

}  // namespace

StatusOr<std::byte*> EventBlock::Spill(const BlockLayout& layout, SpillFile* file) {
  auto* const memory = reinterpret_cast<std::byte*>(values_);
  HR_ASSIGN_OR_RETURN(fixed_, file->Write({memory, layout.Bytes()}));
  ByteWriter writer;
  PutNumbers(available_at_, &writer);
  PutNumbers(retracted_at_, &writer);
  for (const std::vector<uint8_t>& validity : validity_)
    writer.PutText({reinterpret_cast<const char*>(validity.data()), validity.size()});
  for (const Column& column : varying_) writer.PutColumn(column);
  const std::string encoded = std::move(writer).Finish();
  HR_ASSIGN_OR_RETURN(rest_, file->Write(std::as_bytes(std::span(encoded))));
  available_at_ = {};
  retracted_at_ = {};
  for (std::vector<uint8_t>& validity : validity_) validity = {};
  for (Column& column : varying_) column = Column(column.type());
  values_ = nullptr;
  keys_ = nullptr;
  return memory;
}

Status EventBlock::ReadBack(const BlockLayout& layout, const SpillFile& file, std::byte* memory) {
  HR_RETURN_IF_ERROR(file.Read(fixed_, {memory, layout.Bytes()}));
  std::string encoded(rest_.bytes, '\0');
  HR_RETURN_IF_ERROR(file.Read(rest_, std::as_writable_bytes(std::span(encoded))));
  ByteReader reader(encoded);
  HR_RETURN_IF_ERROR(GetNumbers(&reader, &available_at_));
  HR_RETURN_IF_ERROR(GetNumbers(&reader, &retracted_at_));
  for (std::vector<uint8_t>& validity : validity_) {
    std::string bytes;
    HR_RETURN_IF_ERROR(reader.GetText(&bytes));
    validity.assign(bytes.begin(), bytes.end());
  }
  for (Column& column : varying_) {
    HR_ASSIGN_OR_RETURN(column, reader.GetColumn());
  }
  SetMemory(layout, memory);
  return absl::OkStatus();
}

}  // namespace headrace
