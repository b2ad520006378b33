#include "kernel/tiles/event_tiles.h"

#include <algorithm>

#include "kernel/tiles/read_plan.h"

namespace headrace {
namespace {

const VisibilityLogic kVisibility;

}  // namespace

void VisibilityLogic::AddRows(const EventsView& rows, size_t begin, size_t end, Tile* tile) const {
  for (size_t row = begin; row < end; ++row) {
    tile->known_at = std::max(tile->known_at, rows.available_at[row]);
    tile->retracted_at = std::min(tile->retracted_at, rows.RetractedAt(row));
  }
}

void VisibilityLogic::Merge(const Tile& from, Tile* into) const {
  into->known_at = std::max(into->known_at, from.known_at);
  into->retracted_at = std::min(into->retracted_at, from.retracted_at);
}

EventTiles::EventTiles(const ReadPlan& plan, const EventsView& rows) : plan_(plan), visibility_(kVisibility) {
  Rebuild(rows);
}

void EventTiles::Rebuild(const EventsView& rows) {
  first_block_ = 0;
  starts_ = {0};
  num_levels_ = 0;
  visibility_.Clear();
  columns_.clear();
  for (const FoldOf& fold : plan_.folds()) columns_.push_back(fold.folder->MakeTiles());
  Seal(rows);
}

template <typename Change>
void EventTiles::ForEachColumn(const Change& change) {
  change(static_cast<TileColumn&>(visibility_));
  for (const std::unique_ptr<TileColumn>& column : columns_) change(*column);
}

size_t EventTiles::Span(size_t level) const {
  size_t span = 1;
  for (size_t i = 0; i < level; ++i) span *= plan_.sizes().fan_out;
  return span;
}

size_t EventTiles::FirstTile(size_t level) const {
  return (first_block_ + Span(level) - 1) / Span(level);
}

size_t EventTiles::NumTiles(size_t level) const {
  const size_t end = (first_block_ + num_blocks()) / Span(level);
  return end - std::min(end, FirstTile(level));
}

// Blocks of the tail, as long as it has enough.
void EventTiles::Seal(const EventsView& rows) {
  while (rows.size() - starts_.back() >= plan_.sizes().block_rows) {
    const size_t begin = starts_.back();
    const size_t end = begin + plan_.sizes().block_rows;
    const size_t block = num_blocks();
    ForEachColumn([&](TileColumn& column) {
      column.InsertBlock(block);
      column.FoldRows(block, rows, begin, end);
    });
    starts_.push_back(end);
    Grow();
  }
}

// Adds the last tiles of the levels above blocks, where all that they are made of is there.
void EventTiles::Grow() {
  num_levels_ = std::max<size_t>(num_levels_, 1);
  for (size_t level = 1; NumTiles(level) > 0; ++level) {
    if (level == num_levels_) ++num_levels_;
    for (size_t index = visibility_.size(level); index < NumTiles(level); ++index) FoldChildren(level, index);
  }
}

std::pair<size_t, size_t> EventTiles::ChildrenOf(size_t level, size_t index) const {
  const size_t fan_out = plan_.sizes().fan_out;
  const size_t first = (FirstTile(level) + index) * fan_out - FirstTile(level - 1);
  return {first, first + fan_out};
}

void EventTiles::FoldChildren(size_t level, size_t index) {
  const auto [first, last] = ChildrenOf(level, index);
  ForEachColumn(
      [&, first = first, last = last](TileColumn& column) { column.FoldChildren(level, index, first, last - first); });
}

void EventTiles::RowInserted(const EventsView& rows, size_t position) {
  if (position >= starts_.back()) return Seal(rows);
  const auto next = std::upper_bound(starts_.begin(), starts_.end(), position);
  for (auto start = next; start != starts_.end(); ++start) ++*start;
  if (next == starts_.begin()) {
    if (starts_[0] >= 2 * plan_.sizes().block_rows) Rebuild(rows);  // the head has grown
    return;
  }
  const auto block = static_cast<size_t>(next - starts_.begin()) - 1;
  AddToTiles(rows, block, position);
  if (starts_[block + 1] - starts_[block] >= 2 * plan_.sizes().block_rows) Split(rows, block);
}

// Of the block, which has the event at `position` already, and of all above it.
void EventTiles::AddToTiles(const EventsView& rows, size_t block, size_t position) {
  for (size_t level = 0; level < num_levels_; ++level) {
    const size_t number = (first_block_ + block) / Span(level);
    if (number < FirstTile(level) || number - FirstTile(level) >= NumTiles(level)) continue;
    const size_t index = number - FirstTile(level);
    ForEachColumn([&](TileColumn& column) {
      if (!column.ordered()) return column.AddRow(level, index, rows, position);
      if (level == 0) return column.FoldRows(index, rows, starts_[block], starts_[block + 1]);
      const auto [first, last] = ChildrenOf(level, index);
      column.FoldChildren(level, index, first, last - first);
    });
  }
}

// The blocks after it get other numbers, so that the tiles above are made anew from there on.
void EventTiles::Split(const EventsView& rows, size_t block) {
  const size_t middle = starts_[block] + (starts_[block + 1] - starts_[block]) / 2;
  starts_.insert(starts_.begin() + static_cast<ptrdiff_t>(block) + 1, middle);
  ForEachColumn([&](TileColumn& column) {
    column.InsertBlock(block + 1);
    for (const size_t half : {block, block + 1}) column.FoldRows(half, rows, starts_[half], starts_[half + 1]);
  });
  for (size_t level = 1; level < num_levels_; ++level) {
    const size_t number = (first_block_ + block) / Span(level);
    const size_t kept = std::min(number - std::min(number, FirstTile(level)), visibility_.size(level));
    ForEachColumn([&](TileColumn& column) { column.Truncate(level, kept); });
  }
  Grow();
}

void EventTiles::RowsErased(const EventsView& rows, size_t count) {
  const auto kept = std::lower_bound(starts_.begin(), starts_.end(), count);
  if (kept == starts_.end() || kept + 1 == starts_.end()) return Rebuild(rows);  // no block is left
  const auto blocks = static_cast<size_t>(kept - starts_.begin());
  std::vector<size_t> first_tiles;
  for (size_t level = 0; level < num_levels_; ++level) first_tiles.push_back(FirstTile(level));
  first_block_ += blocks;
  starts_.erase(starts_.begin(), kept);
  for (size_t& start : starts_) start -= count;
  for (size_t level = 0; level < num_levels_; ++level) {
    const size_t gone = std::min(FirstTile(level) - first_tiles[level], visibility_.size(level));
    ForEachColumn([&](TileColumn& column) { column.EraseFront(level, gone); });
  }
}

// The tile of `level` that begins with `block`.
Piece EventTiles::PieceOf(size_t level, size_t block) const {
  return {starts_[block], starts_[block + Span(level)], level, (first_block_ + block) / Span(level) - FirstTile(level)};
}

// The greatest tile that begins with `first_block`, ends at most with `last_block` (exclusive) and is visible as a
// whole; without one, the rows of the first block.
Piece EventTiles::TileFrom(size_t first_block, size_t last_block, TimestampUs t) const {
  Piece best{starts_[first_block], starts_[first_block + 1]};
  size_t span = 1;
  for (size_t level = 0; level < num_levels_; ++level, span *= plan_.sizes().fan_out) {
    if ((first_block_ + first_block) % span != 0 || first_block + span > last_block) break;
    const Piece piece = PieceOf(level, first_block);
    if (!visibility_.at(level, piece.index).AllVisibleAt(t)) break;
    best = piece;
  }
  return best;
}

// The same of those that end with `last_block` (exclusive) and begin at least with `first_block`.
Piece EventTiles::TileTo(size_t first_block, size_t last_block, TimestampUs t) const {
  Piece best{starts_[last_block - 1], starts_[last_block]};
  size_t span = 1;
  for (size_t level = 0; level < num_levels_; ++level, span *= plan_.sizes().fan_out) {
    if ((first_block_ + last_block) % span != 0 || first_block + span > last_block) break;
    const Piece piece = PieceOf(level, last_block - span);
    if (!visibility_.at(level, piece.index).AllVisibleAt(t)) break;
    best = piece;
  }
  return best;
}

void EventTiles::FindPieces(const EventsView& rows, size_t begin, size_t end, TimestampUs t, Pieces* pieces) const {
  auto block = static_cast<size_t>(std::lower_bound(starts_.begin(), starts_.end(), begin) - starts_.begin());
  const auto after = static_cast<size_t>(std::upper_bound(starts_.begin(), starts_.end(), end) - starts_.begin());
  if (after == 0 || block + 1 >= after) return AppendVisibleRuns(rows, begin, end, t, pieces);
  const size_t last_block = after - 1;
  AppendVisibleRuns(rows, begin, starts_[block], t, pieces);
  while (block < last_block) {
    const Piece piece = TileFrom(block, last_block, t);
    if (piece.is_tile()) {
      pieces->push_back(piece);
      block += Span(piece.level);
    } else {
      AppendVisibleRuns(rows, piece.begin, piece.end, t, pieces);
      ++block;
    }
  }
  AppendVisibleRuns(rows, starts_[last_block], end, t, pieces);
}

size_t EventTiles::BeginOfLast(const EventsView& rows, size_t begin, size_t end, size_t count, TimestampUs t) const {
  const auto first_block =
      static_cast<size_t>(std::lower_bound(starts_.begin(), starts_.end(), begin) - starts_.begin());
  const auto after = static_cast<size_t>(std::upper_bound(starts_.begin(), starts_.end(), end) - starts_.begin());
  if (after == 0 || first_block + 1 >= after) return BeginOfLastRows(rows, begin, end, t, &count);
  size_t block = after - 1;
  size_t found = BeginOfLastRows(rows, starts_[block], end, t, &count);
  while (count > 0 && block > first_block) {
    Piece piece = TileTo(first_block, block, t);
    // Too many of them: the tiles that it is made of.
    while (piece.is_tile() && piece.end - piece.begin > count) {
      if (piece.level == 0) {
        piece = {piece.begin, piece.end};
      } else {
        piece = PieceOf(piece.level - 1, block - Span(piece.level - 1));
      }
    }
    if (piece.is_tile()) {
      found = piece.begin;
      count -= piece.end - piece.begin;
      block -= Span(piece.level);
    } else {
      found = BeginOfLastRows(rows, piece.begin, piece.end, t, &count);
      --block;
    }
  }
  return count > 0 ? BeginOfLastRows(rows, begin, starts_[first_block], t, &count) : found;
}

void AppendVisibleRuns(const EventsView& rows, size_t begin, size_t end, TimestampUs t, Pieces* pieces) {
  for (size_t row = begin; row < end;) {
    while (row < end && !rows.VisibleAt(row, t)) ++row;
    const size_t first = row;
    while (row < end && rows.VisibleAt(row, t)) ++row;
    if (row > first) pieces->push_back({first, row});
  }
}

size_t BeginOfLastRows(const EventsView& rows, size_t begin, size_t end, TimestampUs t, size_t* count) {
  size_t row = end;
  while (*count > 0 && row > begin) {
    if (rows.VisibleAt(--row, t)) --*count;
  }
  return row;
}

}  // namespace headrace
