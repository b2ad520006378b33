// The names of the measures that a model recipe may ask for. `models` computes them.
#pragma once

#include <string>
#include <vector>

#include "catalog/project.h"

namespace headrace {

const std::vector<std::string>& MetricNamesOf(Task task);

}  // namespace headrace
