"""When each customer comes next: dates with intervals, judged on the period that is over."""
