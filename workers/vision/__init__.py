"""Pictures, videos and MediaPipe: bytes in, rows of landmarks out. No broker."""
