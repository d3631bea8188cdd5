"""A terminal as people have one: pyte's screen behind a stream that says it is a terminal."""

import os
import threading
import time

import pyte


class Terminal:
    """What programs write to, and what is seen then.

    Args:
        width: Its characters a line.
        height: Its lines.
        encoding: What it takes.
        folds: Whether it folds its lines when it becomes narrower, as most do; else it cuts them off.
    """

    def __init__(self, width, height, *, encoding="utf-8", folds=True):
        self.encoding = encoding
        self._folds = folds
        # Who draws is another thread than who looks.
        self._lock = threading.RLock()
        self._open(width, height)

    def _open(self, width, height):
        self.screen = pyte.HistoryScreen(width, height, history=1000)
        self._stream = pyte.Stream(self.screen)

    def isatty(self):
        return True

    def write(self, text):
        text.encode(self.encoding)
        with self._lock:
            self._stream.feed(text.replace("\n", "\r\n"))
        return len(text)

    def flush(self):
        pass

    @property
    def size(self):
        return os.terminal_size((self.screen.columns, self.screen.lines))

    @property
    def lines(self):
        """The lines that are seen, without what is blank at their ends."""
        with self._lock:
            return [line.rstrip() for line in self.screen.display]

    @property
    def all_lines(self):
        """Those that have scrolled away, too."""
        with self._lock:
            gone = [
                "".join(row[x].data for x in range(self.screen.columns)) for row in self.screen.history.top
            ]
            return [*(line.rstrip() for line in gone), *self.lines]

    @property
    def text(self):
        return "\n".join(self.lines).rstrip()

    def resize(self, width, height):
        """Becomes larger or smaller as a window does."""
        with self._lock:
            self._resize(width, height)

    def _resize(self, width, height):
        cursor, rows = self.screen.cursor.y, self.lines[: self.screen.cursor.y + 1]
        if self._folds:
            rows = [row[at : at + width] for row in rows for at in range(0, max(1, len(row)), width)]
            cursor = len(rows) - 1
        self._open(width, height)
        self._stream.feed("\r\n".join(row[:width] for row in rows[: cursor + 1]))

    def wait_for(self, condition, patience_s=30):
        """Waits until what is seen is so."""
        deadline = time.monotonic() + patience_s
        while not condition(self) and time.monotonic() < deadline:
            time.sleep(0.02)
        assert condition(self), self.text

    def colours(self, word):
        """The colours that a word is seen in."""
        with self._lock:
            return {
                self.screen.buffer[y][x].fg
                for y, line in enumerate(self.screen.display)
                if word in line
                for x in range(line.find(word), line.find(word) + len(word))
            }
