// The tiles of one fold of one key, level by level: what the events of each block come to, and of each 16 blocks, and
// so on. Which events a tile has, event_tiles.h knows; here are only their sums.
//
// A fold says by its logic what a tile is:
//
//   struct Logic {
//     using Tile = ...;                     // default-made it is that of no events; may be moved
//     static constexpr bool kOrdered;       // a tile's events are added in the order; else in any
//     void AddRows(const EventsView&, size_t begin, size_t end, Tile*) const;  // those that contribute
//     void Merge(const Tile& from, Tile* into) const;                         // `from` comes after `into`
//   };
#pragma once

#include <memory>
#include <vector>

#include "kernel/events.h"

namespace headrace {

class TileColumn {
 public:
  virtual ~TileColumn() = default;

  // Whether a tile has to be made anew when an event comes in its middle.
  virtual bool ordered() const = 0;

  // An empty tile of a block, before the one at `index`.
  virtual void InsertBlock(size_t index) = 0;
  // The tile of a block becomes that of rows [begin, end).
  virtual void FoldRows(size_t index, const EventsView& rows, size_t begin, size_t end) = 0;
  // The tile `index` of `level`, which may be a new last one, becomes that of `count` tiles of the level below.
  virtual void FoldChildren(size_t level, size_t index, size_t first_child, size_t count) = 0;
  // One more event in a tile, anywhere.
  virtual void AddRow(size_t level, size_t index, const EventsView& rows, size_t row) = 0;
  virtual void EraseFront(size_t level, size_t tiles) = 0;
  virtual void Truncate(size_t level, size_t tiles) = 0;
};

template <typename Logic>
class TileLevels final : public TileColumn {
 public:
  using Tile = typename Logic::Tile;

  explicit TileLevels(const Logic& logic) : logic_(logic) {}

  const Tile& at(size_t level, size_t index) const { return levels_[level][index]; }
  size_t size(size_t level) const { return level < levels_.size() ? levels_[level].size() : 0; }
  void Clear() { levels_.clear(); }

  bool ordered() const override { return Logic::kOrdered; }
  void InsertBlock(size_t index) override {
    std::vector<Tile>& blocks = Level(0);
    blocks.insert(blocks.begin() + static_cast<ptrdiff_t>(index), Tile());
  }
  void FoldRows(size_t index, const EventsView& rows, size_t begin, size_t end) override {
    Tile tile{};
    logic_.AddRows(rows, begin, end, &tile);
    levels_[0][index] = std::move(tile);
  }
  void FoldChildren(size_t level, size_t index, size_t first_child, size_t count) override {
    Tile tile{};
    for (size_t child = first_child; child < first_child + count; ++child)
      logic_.Merge(levels_[level - 1][child], &tile);
    std::vector<Tile>& tiles = Level(level);
    if (index == tiles.size()) tiles.emplace_back();
    tiles[index] = std::move(tile);
  }
  void AddRow(size_t level, size_t index, const EventsView& rows, size_t row) override {
    logic_.AddRows(rows, row, row + 1, &levels_[level][index]);
  }
  void EraseFront(size_t level, size_t tiles) override {
    if (level >= levels_.size()) return;
    levels_[level].erase(levels_[level].begin(), levels_[level].begin() + static_cast<ptrdiff_t>(tiles));
  }
  void Truncate(size_t level, size_t tiles) override {
    if (level < levels_.size())
      levels_[level].erase(levels_[level].begin() + static_cast<ptrdiff_t>(tiles), levels_[level].end());
  }

 private:
  std::vector<Tile>& Level(size_t level) {
    if (level >= levels_.size()) levels_.resize(level + 1);
    return levels_[level];
  }

  const Logic& logic_;  // of the plan
  std::vector<std::vector<Tile>> levels_;
};

}  // namespace headrace
