"""Where everything of the demo is: data that is made once, one run, and its results."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

EXAMPLE = Path(__file__).resolve().parent.parent
WORKER = EXAMPLE / "worker"


@dataclass(frozen=True)
class Places:
    """The folders of one demo, all below `root`."""

    root: Path
    seed: int
    run_name: str = "run"

    @property
    def data(self) -> Path:
        """Pictures, video and base model: made once per seed, used by every run."""
        return self.root / f"data-{self.seed}"

    @property
    def base_samples(self) -> Path:
        """List of the pictures (domain A) that the base model learns from."""
        return self.data / "base" / "list.txt"

    @property
    def replay(self) -> Path:
        """The first few of them, which every round mixes in."""
        return self.data / "base" / "replay.txt"

    @property
    def base_model(self) -> Path:
        """The model that round 1 begins with."""
        return self.data / "models" / "base_model"

    @property
    def deploy_model(self) -> Path:
        """The model that serves first: the same file under the quick start's name."""
        return self.data / "models" / "deploy_model" / "saved_model.pb"

    @property
    def truth(self) -> Path:
        """What is where in each frame of the video."""
        return self.data / "camera" / "truth.txt"

    def held_out(self, domain: str) -> Path:
        """List of the pictures of a domain that nothing is ever trained on."""
        return self.data / f"held_out_{domain.lower()}" / "list.txt"

    @property
    def run(self) -> Path:
        """The running system and what it makes; begun anew by each run."""
        return self.root / self.run_name

    @property
    def dataset(self) -> Path:
        """The list that the labeller appends to and the LocalController counts."""
        return self.run / "dataset" / "train_data" / "train_data.txt"

    @property
    def hard_examples(self) -> Path:
        """Where the inference worker saves what it finds hard."""
        return self.run / "he"

    @property
    def results(self) -> Path:
        """Table, picture and chart of the last run."""
        return self.root / "results"
