"""Files of any kind in; verified bodies and the evidence found in them out."""

import os

# numpy's linear algebra is not used here, and what forks (worker.py) must have one thread only.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
