#include "engine/label_lineage.h"

#include <algorithm>
#include <functional>

namespace headrace {
namespace {

// Far more than SQL that someone reads has; what lies beyond is not followed.
constexpr size_t kMostColumns = 5000;
constexpr int kDeepest = 200;

// Searches the label's lineage for what is read.
class DecisionSearch {
 public:
  DecisionSearch(const ReadSet& reads, const SameRow& same) : reads_(reads), same_(same) {}

  // `is_label`: the node is the label itself, renamed or cast: any part of it counts.
  LabelWay Decide(const LineageNode& node, bool is_label, int depth) {
    const auto known = known_.find({node.Key(), is_label});
    if (known != known_.end()) return known->second;
    LabelWay& way = known_[{node.Key(), is_label}];  // empty while it is looked for
    const LabelWay found = DecideNew(node, is_label, depth);
    return way = found;
  }

 private:
  LabelWay DecideNew(const LineageNode& node, bool is_label, int depth) {
    if (const auto key = same_.FromLabel(node.Key())) {
      const auto read = reads_.entries().find(*key);
      if (read != reads_.entries().end() && (read->second.whole || is_label)) return {node};
    }
    const LineageBlock::Column& column = node.definition();
    if (!column.computed || column.inputs.empty() || depth >= kDeepest || known_.size() > kMostColumns) return {};
    LabelWay first;
    for (const LineageBlock::Input& input : column.inputs) {
      LabelWay way = Decide(node.Follow(input), is_label && column.copy, depth + 1);
      if (way.empty()) return {};
      if (first.empty()) first = std::move(way);
    }
    first.insert(first.begin(), node);
    return first;
  }

  const ReadSet& reads_;
  const SameRow& same_;
  std::map<std::pair<LineageKey, bool>, LabelWay> known_;
};

}  // namespace

void ReadSet::Add(const LineageNode& node, bool whole) {
  std::vector<Entry> open = {{node, std::nullopt, whole}};
  while (!open.empty() && entries_.size() < kMostColumns) {
    const Entry entry = open.back();
    open.pop_back();
    const LineageKey key = entry.node.Key();
    const auto known = entries_.find(key);
    if (known != entries_.end() && (known->second.whole || !entry.whole)) continue;
    entries_.insert_or_assign(key, entry);
    for (const LineageBlock::Input& input : entry.node.definition().inputs) {
      open.push_back({entry.node.Follow(input), key, entry.whole && input.whole});
    }
  }
}

std::vector<LineageNode> ReadSet::WayFrom(const LineageKey& key) const {
  std::vector<LineageNode> way;
  std::optional<LineageKey> at = key;
  while (at && way.size() <= entries_.size()) {
    const Entry& entry = entries_.at(*at);
    way.push_back(entry.node);
    at = entry.reader;
  }
  return way;
}

std::optional<std::string> SameRow::ToLabel(const std::string& path) const {
  if (!path.starts_with(other_path)) return std::nullopt;
  return label_path + path.substr(other_path.size());
}

std::optional<LineageKey> SameRow::FromLabel(const LineageKey& key) const {
  if (!key.first.starts_with(label_path)) return std::nullopt;
  return LineageKey{other_path + key.first.substr(label_path.size()), key.second};
}

LabelWay FindDecided(const LineageNode& label, const ReadSet& reads, const SameRow& same) {
  return DecisionSearch(reads, same).Decide(label, /*is_label=*/true, 0);
}

LabelWay FindRead(const LineageNode& column, const ReadSet& reads, const SameRow& same) {
  LabelWay way;
  LineageNode node = column;
  while (true) {
    way.push_back(node);
    const auto key = same.FromLabel(node.Key());
    if (key && reads.entries().contains(*key)) return way;
    if (!node.definition().copy || way.size() > kDeepest) return {};
    node = node.Follow(node.definition().inputs[0]);
  }
}

InstantLineage::InstantLineage(const LineageNode& node) {
  LineageNode at = node;
  TimeShift shift;
  for (int depth = 0; depth < kDeepest; ++depth) {
    chain_.push_back({at.Key(), shift});
    const LineageBlock::Column& column = at.definition();
    if (!column.computed || !column.shift || column.inputs.size() != 1) return;
    shift = shift + *column.shift;
    at = at.Follow(column.inputs[0]);
  }
}

bool InstantLineage::IsBefore(const InstantLineage& other, int64_t plus_us, bool strictly, const SameRow& same) const {
  for (const Link& link : chain_) {
    const auto path = same.ToLabel(link.key.first);
    if (!path) continue;
    const LineageKey key{*path, link.key.second};
    const auto met =
        std::find_if(other.chain_.begin(), other.chain_.end(), [&](const Link& l) { return l.key == key; });
    if (met == other.chain_.end() || met->shift.rounded_down) continue;
    const int64_t months = met->shift.months - link.shift.months;
    const int64_t us = AddSaturated(met->shift.us, -AddSaturated(link.shift.us, plus_us));
    if (months >= 0 && us >= 0 && (!strictly || months > 0 || us > 0)) return true;
  }
  return false;
}

std::optional<int64_t> InstantLineage::DistanceTo(const InstantLineage& other, const SameRow& same) const {
  for (const Link& link : chain_) {
    const auto path = same.ToLabel(link.key.first);
    if (!path) continue;
    const LineageKey key{*path, link.key.second};
    for (const Link& met : other.chain_) {
      if (met.key != key || met.shift.rounded_down || link.shift.rounded_down) continue;
      if (met.shift.months == link.shift.months) return met.shift.us - link.shift.us;
    }
  }
  return std::nullopt;
}

}  // namespace headrace
