#include "warehouse/content_hash.h"

#include <gtest/gtest.h>

#include "warehouse/warehouse_testing.h"

namespace headrace {
namespace {

class ContentHashTest : public ::testing::Test {
 protected:
  ContentHashTest() : database_(MemoryDatabase()), connection_(ConnectTo(*database_)) {}
  std::string Hash(std::string_view sql) {
    const StatusOr<ContentHash> hash = HashQuery(*connection_, sql);
    EXPECT_TRUE(hash.ok()) << hash.status();
    return fmt::format("{} {}", hash->rows, hash->hash);
  }
  std::unique_ptr<Database> database_;
  std::unique_ptr<Connection> connection_;
};

TEST_F(ContentHashTest, OrderDoesNotMatter) {
  EXPECT_EQ(Hash("select i, i::varchar from range(10000) t(i)"),
            Hash("select i, i::varchar from range(10000) t(i) order by i % 97, i desc"));
}

TEST_F(ContentHashTest, RepeatedRowsCount) {
  EXPECT_NE(Hash("select 1"), Hash("from (values (1), (1))"));
  EXPECT_NE(Hash("from (values (1), (1), (2), (2), (2))"), Hash("from (values (1), (1), (1), (2), (2))"));
}

TEST_F(ContentHashTest, EveryValueMattersAndItsColumn) {
  const std::string hash = Hash("select 1, 2, 'a', 'b', 0.0::double, null::bigint");
  for (const char* sql :
       {"select 2, 1, 'a', 'b', 0.0::double, null::bigint", "select 1, 2, 'ab', '', 0.0::double, null::bigint",
        "select 1, 2, 'a', 'b', '-0.0'::double, null::bigint", "select 1, 2, 'a', 'b', 0.0::double, 0",
        "select 1, 2, 'a', 'b', null::double, 0", "select 1, 2, 'a', null, 0.0::double, null::bigint"}) {
    EXPECT_NE(Hash(sql), hash) << sql;
  }
}

// Manifests keep these hashes for years: a change of the function is a change of every data version.
TEST_F(ContentHashTest, StaysWhatItWas) {
  EXPECT_EQ(Hash("select 1 as a, 'x' as b, 0.5::double as c, null::date as d"), "1 fcb7604bfd2c4084fcb7604bfd2c4084");
}

}  // namespace
}  // namespace headrace
