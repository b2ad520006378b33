// A complete binary tree over positions 0..n-1 that knows the best of those that are in.
//
//              root                 a node holds the position of the better of its two children, or kNone;
//            /      \               leaves are positions themselves. Insert and Remove walk up until nothing
//         [0,1]    [2,3]            changes: O(log n), usually less.
#pragma once

#include <bit>
#include <cstdint>
#include <vector>

namespace headrace {

class Tournament {
 public:
  static constexpr uint32_t kNone = 0xFFFFFFFF;

  void Reset(size_t positions) {
    leaves_ = std::bit_ceil(positions == 0 ? size_t{1} : positions);
    nodes_.assign(2 * leaves_, kNone);
  }

  // `better(a, b)`: whether position a is to win over position b; a strict order.
  template <typename Better>
  void Insert(uint32_t position, const Better& better) {
    nodes_[leaves_ + position] = position;
    Replay(position, better);
  }
  template <typename Better>
  void Remove(uint32_t position, const Better& better) {
    nodes_[leaves_ + position] = kNone;
    Replay(position, better);
  }
  uint32_t best() const { return nodes_[1]; }

 private:
  template <typename Better>
  void Replay(uint32_t position, const Better& better) {
    for (size_t node = (leaves_ + position) / 2; node >= 1; node /= 2) {
      const uint32_t left = nodes_[2 * node];
      const uint32_t right = nodes_[2 * node + 1];
      uint32_t winner = left;
      if (left == kNone || (right != kNone && better(right, left))) winner = right;
      // The same winner as before has the same value, unless it is the position that changed.
      if (nodes_[node] == winner && winner != position) return;
      nodes_[node] = winner;
    }
  }

  size_t leaves_ = 1;
  std::vector<uint32_t> nodes_ = {kNone, kNone};
};

}  // namespace headrace
