// A fold whose tiles and whose values are made by one logic (tile_column.h), which also gives the values:
//
//   int64_t Set(const Tile&, TimestampUs t, const FoldOutput& out) const;   // returns what Folder::Fold does
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

  int64_t Fold(const FoldInput& input, Cells* out) const override {
    int64_t overflows = 0;
    typename Logic::Tile total{};
    size_t added = 0;
    for (const FoldInput::Output& output : input.outputs) {
      const size_t pieces = input.PiecesOf(output);
      if (pieces > added) AddPieces(input, added, pieces, &total);
      added = pieces;
      overflows += logic_.Set(total, input.t, input.To(output, out));
    }
    return overflows;
  }

 private:
  // `total` has the first `added` pieces; then it has `count`.
  void AddPieces(const FoldInput& input, size_t added, size_t count, typename Logic::Tile* total) const {
    if constexpr (Logic::kOrdered) {
      *total = {};
      for (size_t i = count; i-- > 0;) Add(input, input.pieces[i], total);
    } else {
      AddLargestFirst(input, input.pieces.subspan(added, count - added), total);
    }
  }

  void Add(const FoldInput& input, const Piece& piece, typename Logic::Tile* total) const {
    if (piece.is_tile()) {
      logic_.Merge(static_cast<const TileLevels<Logic>*>(input.column)->at(piece.level, piece.index), total);
    } else {
      logic_.AddRows(input.rows, piece.begin, piece.end, total);
    }
  }

  // What is exact up to a limit and approximate beyond it is small once it is beyond: the sooner the better.
  void AddLargestFirst(const FoldInput& input, std::span<const Piece> pieces, typename Logic::Tile* total) const {
    size_t levels = 0;  // that have pieces
    for (const Piece& piece : pieces) levels = piece.is_tile() ? std::max(levels, piece.level + 1) : levels;
    for (size_t level = levels; level-- > 0;) {
      for (const Piece& piece : pieces) {
        if (piece.is_tile() && piece.level == level) Add(input, piece, total);
      }
    }
    for (const Piece& piece : pieces) {
      if (!piece.is_tile()) Add(input, piece, total);
    }
  }

  const Logic logic_;
};

}  // namespace headrace
