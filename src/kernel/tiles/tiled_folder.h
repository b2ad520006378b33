// A fold whose tiles and whose value are made by one logic (tile_column.h), which also gives the value:
//
//   int64_t Append(const Tile&, TimestampUs t, std::span<Column> out) const;   // as Folder::Append
#pragma once

#include <algorithm>
#include <utility>

#include "kernel/tiles/folder.h"

namespace headrace {

template <typename Logic>
class TiledFolder final : public Folder {
 public:
  explicit TiledFolder(Logic logic) : logic_(std::move(logic)) {}

  std::unique_ptr<TileColumn> MakeTiles() const override { return std::make_unique<TileLevels<Logic>>(logic_); }

  int64_t Append(const FoldInput& input, std::span<Column> out) const override {
    typename Logic::Tile total{};
    if (input.column == nullptr) {
      for (const Piece& piece : input.pieces) logic_.AddRows(input.rows, piece.begin, piece.end, &total);
    } else if constexpr (Logic::kOrdered) {
      for (const Piece& piece : input.pieces) Add(input, piece, &total);
    } else {
      AddLargestFirst(input, &total);
    }
    return logic_.Append(total, input.t, out);
  }

 private:
  void Add(const FoldInput& input, const Piece& piece, typename Logic::Tile* total) const {
    if (piece.is_tile()) {
      logic_.Merge(static_cast<const TileLevels<Logic>*>(input.column)->at(piece.level, piece.index), total);
    } else {
      logic_.AddRows(input.rows, piece.begin, piece.end, total);
    }
  }

  // What is exact up to a limit and approximate beyond it is small once it is beyond: the sooner the better.
  void AddLargestFirst(const FoldInput& input, typename Logic::Tile* total) const {
    size_t levels = 0;  // that have pieces
    for (const Piece& piece : input.pieces) levels = piece.is_tile() ? std::max(levels, piece.level + 1) : levels;
    for (size_t level = levels; level-- > 0;) {
      for (const Piece& piece : input.pieces) {
        if (piece.is_tile() && piece.level == level) Add(input, piece, total);
      }
    }
    for (const Piece& piece : input.pieces) {
      if (!piece.is_tile()) Add(input, piece, total);
    }
  }

  const Logic logic_;
};

}  // namespace headrace
