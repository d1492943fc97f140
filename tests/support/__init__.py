"""What Tenbin's own tests share beyond `tenbin.testing`."""
