// How the reads of a view are computed: its folds (folder.h). Made once per view, shared by its keys and by all
// threads.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "kernel/tiles/folder.h"

namespace headrace {

class ReadPlan {
 public:
  // The program must outlive the plan. Small tiles are for tests.
  explicit ReadPlan(const ViewProgram& program, const TileSizes& sizes = {})
      : program_(program), sizes_(sizes), folders_(MakeFolders(program)) {}

  const ViewProgram& program() const { return program_; }
  const TileSizes& sizes() const { return sizes_; }
  std::span<const std::unique_ptr<Folder>> folders() const { return folders_; }

 private:
  const ViewProgram& program_;
  const TileSizes sizes_;
  const std::vector<std::unique_ptr<Folder>> folders_;
};

}  // namespace headrace
