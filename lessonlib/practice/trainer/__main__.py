"""``python -m lessonlib.practice.trainer``, started by the service: see ``trainer.py``."""

from lessonlib.practice.trainer.trainer import main

if __name__ == "__main__":
    main()
