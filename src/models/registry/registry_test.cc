#include "models/registry/registry.h"

#include <gmock/gmock.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include <set>
#include <thread>

#include "base/file.h"
#include "base/hash.h"
#include "models/models_testing.h"

namespace headrace {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class StandingClock : public Clock {
 public:
  TimestampUs Now() const override { return now_; }
  TimestampUs now_ = 1'385'856'000'000'000;  // 2013-12-01
};

class RegistryTest : public ::testing::Test {
 protected:
  std::unique_ptr<Registry> Open() {
    StatusOr<std::unique_ptr<Registry>> registry = Registry::Open(path_, clock_);
    EXPECT_TRUE(registry.ok()) << registry.status();
    return registry.ok() ? *std::move(registry) : nullptr;
  }
  VersionInfo Info(const std::string& model) {
    VersionInfo info;
    info.model = model;
    info.algorithm = "lightgbm";
    info.task = "binary";
    info.recipe_hash = "r";
    info.training_set_hash = "t";
    info.training_set = Json(Json::Object{{"labels", "departures"}, {"split", Json(Json::Array{0.7, 0.3})}});
    info.params = Json(Json::Object{{"num_leaves", 31}, {"learning_rate", 0.1}});
    info.metrics = Json(Json::Object{{"auc", 0.71}});
    info.views = Json(Json::Object{{"carrier_recent", "v"}});
    return info;
  }
  std::string ErrorOf(std::string_view reference) {
    const Status status = registry_->Resolve(reference).status();
    return fmt::format("{}: {}", absl::StatusCodeToString(status.code()), Message(status));
  }

  // Behind the registry's back.
  void ExecuteSql(const std::string& sql) {
    sqlite3* handle = nullptr;
    ASSERT_EQ(sqlite3_open(path_.c_str(), &handle), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(handle, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK) << sqlite3_errmsg(handle);
    sqlite3_close(handle);
  }

  StandingClock clock_;
  TemporaryFolder folder_;
  std::string path_ = folder_.File(".headrace/registry.sqlite");
  std::unique_ptr<Registry> registry_ = Open();
};

TEST_F(RegistryTest, KeepsAllThatIsSaidOfAVersion) {
  EXPECT_EQ(*registry_->RegisterVersion(Info("late"), "bytes"), 1);
  registry_ = Open();
  const VersionInfo read = *registry_->GetVersion("late", 1);
  const VersionInfo said = Info("late");
  EXPECT_EQ(read.training_set.Dump(), said.training_set.Dump());
  EXPECT_EQ(read.params.Dump(), said.params.Dump());
  EXPECT_EQ(read.metrics.Dump(), said.metrics.Dump());
  EXPECT_EQ(read.views.Dump(), said.views.Dump());
  EXPECT_EQ(read.recipe_hash + read.training_set_hash + read.algorithm + read.task + read.status,
            "rtlightgbmbinaryready");
  EXPECT_EQ(read.created_at, clock_.now_);
  EXPECT_EQ(read.artifact_sha256, Sha256Hex("bytes"));
  EXPECT_EQ(*registry_->ReadArtifact(read), "bytes");
  EXPECT_EQ(read.ToJson().Find("created_at")->str(), "2013-12-01T00:00:00Z");
}

TEST_F(RegistryTest, CountsTheVersionsOfEachModel) {
  for (const auto& [model, version] : {std::pair("a", 1), {"b", 1}, {"a", 2}, {"a", 3}}) {
    EXPECT_EQ(*registry_->RegisterVersion(Info(model), "x"), version);
  }
  const std::vector<VersionInfo> versions = *registry_->ListVersions("a");
  ASSERT_EQ(versions.size(), 3u);
  EXPECT_EQ(versions.front().version, 3);
  const std::vector<ModelSummary> models = *registry_->ListModels();
  ASSERT_EQ(models.size(), 2u);
  EXPECT_EQ(models[0].latest_version, 3);
}

TEST_F(RegistryTest, MovesAnAlias) {
  for (const char* bytes : {"one", "two"}) ASSERT_TRUE(registry_->RegisterVersion(Info("late"), bytes).ok());
  ASSERT_TRUE(registry_->SetAlias("late", "champion", 1).ok());
  EXPECT_EQ(registry_->GetByAlias("late", "champion")->version, 1);
  ASSERT_TRUE(registry_->SetAlias("late", "champion", 2).ok());
  ASSERT_TRUE(registry_->SetAlias("late", "shadow", 2).ok());
  EXPECT_THAT(registry_->GetByAlias("late", "champion")->aliases, ElementsAre("champion", "shadow"));
  EXPECT_TRUE(registry_->GetVersion("late", 1)->aliases.empty());
  EXPECT_EQ(registry_->ListModels()->front().aliases.at("shadow"), 2);
}

TEST_F(RegistryTest, ResolvesTheThreeFormsOfAReference) {
  for (const char* bytes : {"one", "two", "three"}) ASSERT_TRUE(registry_->RegisterVersion(Info("late"), bytes).ok());
  ASSERT_TRUE(registry_->SetAlias("late", "champion", 2).ok());
  ASSERT_TRUE(registry_->SetAlias("late", "next", 3).ok());
  EXPECT_EQ(registry_->Resolve("late")->version, 2);
  EXPECT_EQ(registry_->Resolve("late", "next")->version, 3);
  EXPECT_EQ(registry_->Resolve("late@next")->version, 3);
  EXPECT_EQ(registry_->Resolve("late/1")->version, 1);
}

TEST_F(RegistryTest, ErrorsNameWhatThereIsInstead) {
  EXPECT_THAT(ErrorOf("late"), HasSubstr("NOT_FOUND: there is no model 'late': none has been trained yet"));
  ASSERT_TRUE(registry_->RegisterVersion(Info("late"), "x").ok());
  EXPECT_THAT(ErrorOf("lat/1"), HasSubstr("NOT_FOUND: there is no trained model 'lat'; did you mean 'late'?"));
  EXPECT_THAT(ErrorOf("late"),
              HasSubstr("has no alias 'champion', nor any other; `headrace models alias late champion 1`"));
  ASSERT_TRUE(registry_->SetAlias("late", "champion", 1).ok());
  EXPECT_THAT(ErrorOf("late@champoin"), HasSubstr("did you mean 'champion'?"));
  EXPECT_THAT(ErrorOf("late/7"), HasSubstr("model 'late' has no version 7; its latest is 1"));
  for (const char* wrong :
       {"", "/1", "late/", "late/x", "late/0", "late/1x", "late@", "late@1", "1late", "a b", "late/1@a"}) {
    EXPECT_THAT(ErrorOf(wrong), HasSubstr("INVALID_ARGUMENT")) << wrong;
  }
  EXPECT_TRUE(absl::IsNotFound(registry_->SetAlias("late", "champion", 2)));
  EXPECT_TRUE(absl::IsNotFound(registry_->SetAlias("other", "champion", 1)));
  EXPECT_TRUE(absl::IsInvalidArgument(registry_->SetAlias("late", "3", 1)));
  EXPECT_TRUE(absl::IsNotFound(registry_->ListVersions("other").status()));
  EXPECT_TRUE(absl::IsInvalidArgument(registry_->RegisterVersion(Info("../up"), "x").status()));
}

TEST_F(RegistryTest, RefusesAnArtifactThatIsDamagedOrGone) {
  ASSERT_TRUE(registry_->RegisterVersion(Info("late"), "bytes").ok());
  const VersionInfo version = *registry_->GetVersion("late", 1);
  ASSERT_TRUE(WriteFileAtomically(version.artifact_path, "bytez").ok());
  Status status = registry_->ReadArtifact(version).status();
  EXPECT_TRUE(absl::IsDataLoss(status));
  EXPECT_THAT(std::string(Message(status)), HasSubstr(version.artifact_path));
  ::unlink(version.artifact_path.c_str());
  EXPECT_TRUE(absl::IsDataLoss(registry_->ReadArtifact(version).status()));
}

TEST_F(RegistryTest, RegisteringAgainRepairsADamagedArtifact) {
  ASSERT_TRUE(registry_->RegisterVersion(Info("late"), "bytes").ok());
  ASSERT_TRUE(WriteFileAtomically(registry_->GetVersion("late", 1)->artifact_path, "bytez").ok());
  ASSERT_TRUE(registry_->RegisterVersion(Info("late"), "bytes").ok());
  EXPECT_EQ(*registry_->ReadArtifact(*registry_->GetVersion("late", 1)), "bytes");
}

TEST_F(RegistryTest, RefusesAFileThatIsNoneOfItsOwn) {
  registry_.reset();
  ASSERT_TRUE(WriteFileAtomically(path_, std::string(5000, 'x')).ok());
  const Status status = Registry::Open(path_, clock_).status();
  EXPECT_TRUE(absl::IsDataLoss(status)) << status;
  EXPECT_THAT(std::string(Message(status)), HasSubstr(path_));
}

TEST_F(RegistryTest, RefusesTheFileOfANewerProgram) {
  registry_.reset();
  const std::string command = fmt::format(
      "'{}' -c \"import sqlite3; sqlite3.connect('{}').execute('pragma user_version = 99')\"", HEADRACE_PYTHON, path_);
  ASSERT_EQ(std::system(command.c_str()), 0);
  EXPECT_TRUE(absl::IsFailedPrecondition(Registry::Open(path_, clock_).status()));
}

TEST_F(RegistryTest, ThreadsShareOneRegistry) {
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([this] {
      for (int n = 0; n < 10; ++n) {
        const StatusOr<int64_t> version = registry_->RegisterVersion(Info("late"), "same bytes");
        EXPECT_TRUE(version.ok()) << version.status();
        EXPECT_TRUE(registry_->SetAlias("late", "champion", *version).ok());
        EXPECT_TRUE(registry_->Resolve("late").ok());
      }
    });
  }
  threads.clear();
  EXPECT_EQ(registry_->ListVersions("late")->size(), 40u);
}

TEST_F(RegistryTest, ARowThatDoesNotFitItsDigestIsRefused) {
  EXPECT_EQ(*registry_->RegisterVersion(Info("late"), "bytes"), 1);
  ASSERT_TRUE(registry_->SetAlias("late", "champion", 1).ok());
  for (const char* change : {"update versions set algorithm = 'x'", "update aliases set set_at = set_at + 1",
                             "update models set last_version = 7"}) {
    const std::string bytes = *ReadFile(path_);
    ExecuteSql(change);
    EXPECT_EQ(registry_->GetVersion("late", 1).status().code(), absl::StatusCode::kDataLoss) << change;
    EXPECT_EQ(registry_->RegisterVersion(Info("late"), "more").status().code(), absl::StatusCode::kDataLoss) << change;
    EXPECT_EQ(registry_->CopyTo(folder_.File("copy")).code(), absl::StatusCode::kDataLoss) << change;
    registry_.reset();
    ASSERT_TRUE(WriteFileAtomically(path_, bytes).ok());
    registry_ = Open();
    EXPECT_TRUE(registry_->GetVersion("late", 1).ok());
  }
}

TEST_F(RegistryTest, AFileWithoutDigestsGetsThem) {
  EXPECT_EQ(*registry_->RegisterVersion(Info("late"), "bytes"), 1);
  ASSERT_TRUE(registry_->SetAlias("late", "champion", 1).ok());
  registry_.reset();
  for (const char* table : {"models", "versions", "aliases"})
    ExecuteSql(fmt::format("alter table {} drop column digest", table));
  ExecuteSql("pragma user_version = 1");
  registry_ = Open();
  EXPECT_EQ(registry_->Resolve("late")->version, 1);
  EXPECT_EQ(*registry_->RegisterVersion(Info("late"), "more"), 2);
  ExecuteSql("update versions set status = 'x' where version = 1");
  EXPECT_EQ(registry_->GetVersion("late", 1).status().code(), absl::StatusCode::kDataLoss);
}

TEST_F(RegistryTest, ACopyIsARegistryOfItsOwn) {
  EXPECT_EQ(*registry_->RegisterVersion(Info("late"), "bytes"), 1);
  ASSERT_TRUE(registry_->CopyTo(folder_.File("copy.sqlite")).ok());
  EXPECT_EQ(*registry_->RegisterVersion(Info("late"), "more"), 2);
  const auto copy = Registry::Open(folder_.File("copy.sqlite"), clock_);
  ASSERT_TRUE(copy.ok()) << copy.status();
  EXPECT_EQ((*copy)->ListVersions("late")->size(), 1u);
}

// Processes that open a new file and write to it at once: nothing is lost, no number comes twice.
TEST_F(RegistryTest, ProcessesShareOneFile) {
  registry_.reset();
  ASSERT_EQ(std::system(fmt::format("rm -rf '{}'", folder_.File(".headrace")).c_str()), 0);
  constexpr int kProcesses = 4, kEach = 8;
  std::vector<pid_t> children;
  for (int i = 0; i < kProcesses; ++i) {
    const pid_t child = ::fork();
    if (child == 0) {
      const auto registry = Registry::Open(path_, clock_);
      if (!registry.ok()) std::fprintf(stderr, "%s\n", registry.status().ToString().c_str());
      bool ok = registry.ok();
      for (int n = 0; ok && n < kEach; ++n) {
        const StatusOr<int64_t> version = (*registry)->RegisterVersion(Info("late"), fmt::format("{} {}", i, n));
        if (!version.ok()) std::fprintf(stderr, "%s\n", version.status().ToString().c_str());
        ok = version.ok() && (*registry)->SetAlias("late", "champion", *version).ok();
      }
      ::_exit(ok ? 0 : 1);
    }
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int result = 0;
    ASSERT_EQ(::waitpid(child, &result, 0), child);
    EXPECT_EQ(result, 0);
  }
  registry_ = Open();
  const std::vector<VersionInfo> versions = *registry_->ListVersions("late");
  std::set<std::string> artifacts;
  for (size_t i = 0; i < versions.size(); ++i) {
    EXPECT_EQ(versions[i].version, static_cast<int64_t>(versions.size() - i));
    artifacts.insert(*registry_->ReadArtifact(versions[i]));
  }
  EXPECT_EQ(artifacts.size(), size_t{kProcesses * kEach});
}

}  // namespace
}  // namespace headrace
