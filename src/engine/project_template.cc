#include "engine/project_template.h"

#include <cstdint>

#include "base/time.h"
#include "fmt/format.h"

namespace headrace {
namespace {

constexpr std::string_view kSettings = R"(# A Headrace project. Commands to begin with, in this folder:
#   headrace check        every error of these files
#   headrace build        data/ -> tables, tested and published
#   headrace train order_returned
#   headrace serve
name: {name}
vars:
  large_order: 100        # the amount above which an order is large: var('large_order') in SQL
)";

constexpr std::string_view kGitignore = R"(# Headrace's own state: the warehouse, models, the log of events, the ledger.
.headrace/
)";

constexpr std::string_view kSources = R"(sources:
  - name: raw
    tables:
      - name: orders
        description: One row per order, as the shop exports it.
        location: data/orders.csv          # also globs, .json, .parquet, .gz

      - name: placed
        description: Orders as they are placed. What came before the server runs is the table orders.
        stream:                            # events arrive at POST /v1/events/raw.placed
          history: orders
          event_time: ordered_at
          event_id: order_id               # a repeated one is dropped
        columns:
          - {name: order_id, data_type: bigint}
          - {name: customer, data_type: varchar}
          - {name: ordered_at, data_type: timestamp}
          - {name: amount, data_type: double}
)";

constexpr std::string_view kOrders = R"(-- Orders with a known customer. `returned` is known 14 days after the order.
select
  order_id,
  customer,
  ordered_at,
  amount,
  returned,
  ordered_at + interval 14 days as returned_known_at
from {{ source('raw', 'orders') }}
where customer is not null
)";

constexpr std::string_view kTables = R"(models:                     # tables, in dbt's words
  - name: orders
    description: The orders, one row each.
    columns:
      - name: order_id
        tests: [not_null, unique]
      - name: returned
        tests:
          - accepted_values: {values: [0, 1]}
)";

constexpr std::string_view kView =
    R"(-- What a customer has been ordering. Each feature comes once per window: customer_recent.orders_7d, ...
{{ config(entity='customer', event_time='ordered_at', windows=['1d', '7d', '30d']) }}
select
  count(*)                                                      as orders,
  avg(amount)                                                   as amount_mean,
  max(amount)                                                   as amount_max,
  count(*) filter (where amount > {{ var('large_order') }})     as large_orders
from {{ source('raw', 'placed') }}
)";

constexpr std::string_view kRequestView =
    R"(-- The order itself, and how it compares: computed when asked, from the request and from other features.
{{ config(kind='request', request={'amount': 'double'}) }}
select
  amount,
  amount / nullif(customer_recent.amount_mean_30d, 0)     as amount_to_usual
from request
)";

constexpr std::string_view kModel = R"(name: order_returned
description: Asked when an order is placed - will it be sent back?
task: binary
labels:
  table: orders
  time: ordered_at                  # the instant the question is asked: features are as they were then
  label: returned
  known_at: returned_known_at       # and when the answer is known
features: [customer_recent.*, basket.*]
split: {fractions: [0.6, 0.2, 0.2]} # by time: the newest rows test
algorithm: logistic_regression      # or lightgbm
params: {l2: 1.0}
evaluate: {metrics: [auc, log_loss]}
promote: {alias: champion, when: better}
)";

// Random numbers that are the same on every machine (Steele and Vigna's splitmix64).
class Random {
 public:
  // In [0, n).
  int64_t Below(int64_t n) {
    uint64_t z = state_ += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return static_cast<int64_t>((z ^ (z >> 31)) % static_cast<uint64_t>(n));
  }

 private:
  uint64_t state_ = 2013;
};

// 1,500 orders of 60 customers in 90 days. Large orders come back more often, and so do those of customers who order
// often; one row in fifty lacks its customer.
std::string OrdersCsv() {
  constexpr int kOrders = 1500;
  constexpr int kCustomers = 60;
  Random random;
  std::string csv = "order_id,customer,ordered_at,amount,returned\n";
  TimestampUs time = DaysFromCivil(2026, 1, 1) * kUsPerDay;
  for (int id = 1; id <= kOrders; ++id) {
    time += (1 + random.Below(170)) * 60 * kUsPerSecond;
    const int64_t customer = std::min(random.Below(kCustomers), random.Below(kCustomers));
    const int64_t cents = 500 + random.Below(10'000) + (random.Below(5) == 0 ? random.Below(20'000) : 0);
    const int64_t percent = 8 + cents / 600 + (customer < 15 ? 12 : 0);
    const bool returned = random.Below(100) < percent;
    const std::string name = random.Below(50) == 0 ? "" : fmt::format("c{:02}", customer);
    csv += fmt::format("{},{},{},{}.{:02},{}\n", id, name, FormatTimestamp(time), cents / 100, cents % 100,
                       returned ? 1 : 0);
  }
  return csv;
}

}  // namespace

std::vector<TemplateFile> NewProjectFiles(const std::string& name) {
  std::string settings(kSettings);
  constexpr std::string_view kName = "{name}";
  settings.replace(settings.find(kName), kName.size(), name);
  return {{"headrace.yml", settings},
          {".gitignore", std::string(kGitignore)},
          {"data/orders.csv", OrdersCsv()},
          {"tables/sources.yml", std::string(kSources)},
          {"tables/orders.sql", std::string(kOrders)},
          {"tables/tables.yml", std::string(kTables)},
          {"features/customer_recent.sql", std::string(kView)},
          {"features/basket.sql", std::string(kRequestView)},
          {"models/order_returned.yml", std::string(kModel)}};
}

}  // namespace headrace
