"""What must hold before an effect means anything: sample ratios, balance, outcomes, the period."""
