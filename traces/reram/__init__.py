"""Programs of crossbars: the streams of a schedule, and where each stands in it."""
