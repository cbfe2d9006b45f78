"""What Prometheus reads: figures of operation, and how long requests take."""
