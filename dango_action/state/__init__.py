"""What is kept between runs on machines that are thrown away, and which of it may be trusted."""
