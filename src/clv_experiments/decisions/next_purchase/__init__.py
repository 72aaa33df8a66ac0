"""When each customer buys next: dates with intervals, and a backtest of them on the period that is over."""
