"""One SQL statement of DuckDB's, which checks nothing: the floor for anything that reads the same file.

python examples/duckdb/speed.py features FILE
"""

import json
import sys
from time import perf_counter, process_time

import duckdb

FEATURES = """
with days as (
    select customer_id, invoice_date::date as day, sum(quantity * unit_price) as amount
    from read_parquet(?) group by all
), customers as (
    select *, min(day) over (partition by customer_id) as first_day, max(day) over () as last_day from days
)
select customer_id, count(*) - 1 as frequency, max(day) - any_value(first_day) as recency,
    any_value(last_day - first_day) as T, coalesce(avg(amount) filter (day > first_day), 0) as monetary_value
from customers group by customer_id order by customer_id
"""

task, file = sys.argv[1:]
if task != "features":
    sys.exit(f"no task {task}")

started, cpu = perf_counter(), process_time()
duckdb.execute(FEATURES, [file]).fetchnumpy()
json.dump({"seconds": perf_counter() - started, "cpu_seconds": process_time() - cpu}, sys.stdout)
