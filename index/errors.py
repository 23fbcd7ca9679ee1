"""What can go wrong and what a caller can do about it.

DragomanError
├── ReadError           a file that cannot be read as text          exit code 1, the other files go on
│   ├── ReadTimeout     it took longer than it may
│   ├── ReaderDied      the process that read it died, or had no memory left
│   └── ReaderDefect    it made our own code fail
├── IndexFolderError    the index folder is missing, broken or not ours
│   ├── IndexMismatch   built with another embedder or chunking
│   ├── IndexLocked     another process is writing it
│   ├── IndexUnwritable it can be read and not written: no right to, or the disk is full
│   └── ServerError     the server of its vectors cannot be reached, or failed
├── FolderLost          files would be forgotten because their folder is missing or empty
├── FollowError         the operating system does not tell what changes in a folder
├── ClusterError        a cluster that is to read and embed cannot be reached, or loses what it is given
├── ModelError          an embedding or reranking model cannot be found or loaded
├── ChatError           a language model cannot be reached, or failed     the answer is made without it
├── SettingsError       an option or a settings file asks for what does not exist
├── ConversationsError  conversations cannot be kept, or one that is named is gone
├── DataSetError        an evaluation set or an answer file is malformed
└── CitationError       a quote is not what stands in its source: a defect of ours, never shown
"""


class DragomanError(Exception):
    """The parent of every error that a caller can act on; the message says what, where and what to do."""

    @property
    def told(self) -> str:
        """The message, with what it can be told by in other languages if it has that; `str` takes that away."""
        return self.args[0] if self.args else ""


class ReadError(DragomanError):
    """A file cannot be read as text: empty, binary, wrongly encoded, truncated, of unknown type."""


class ReadTimeout(ReadError):
    """A file was not read within the time limit."""


class ReaderDied(ReadError):
    """The process that read a file died, or had no memory left."""


class ReaderDefect(ReadError):
    """A file made our own code, or a parser, raise what nobody foresaw: a defect of ours."""


class IndexFolderError(DragomanError):
    """The index folder does not exist, is not an index, or its catalog is damaged."""


class IndexMismatch(IndexFolderError):
    """The index was built with another embedder, chunking or format than the one asked for."""


class IndexLocked(IndexFolderError):
    """Another process is writing this index."""


class IndexUnwritable(IndexFolderError):
    """The index cannot be written: nobody gave the right to, or the disk is full. What was committed is whole."""


class ServerError(IndexFolderError):
    """The server that holds an index's vectors cannot be reached, failed, or holds something else."""


class FolderLost(DragomanError):
    """A folder that files were read from is missing or empty, and they would be forgotten."""


class FollowError(DragomanError):
    """A folder cannot be followed: the operating system does not tell what changes in it."""


class ClusterError(DragomanError):
    """A cluster that is to read and embed cannot be reached or started, or loses again and again what it is given."""


class ModelError(DragomanError):
    """An embedding or reranking model cannot be found, checked or loaded."""


class ChatError(DragomanError):
    """A language model cannot be reached, did not finish, or failed."""


class SettingsError(DragomanError):
    """An option has a value that it cannot have."""


class ConversationsError(DragomanError):
    """The file of conversations cannot be read or written, or the conversation that is named is not in it."""


class DataSetError(DragomanError):
    """An evaluation set, a run or an answer file is malformed; the message names file and line."""


class CitationError(DragomanError):
    """A quote differs from the words of its source at the cited place."""
