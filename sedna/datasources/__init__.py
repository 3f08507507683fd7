"""Read lists of samples into features `x` and labels `y`, which every feature of `sedna.core` takes.

Nothing heavy is imported: numpy when something is parsed, pandas only when its own keywords are used.
"""

from sedna.datasources.base import BaseDataSource
from sedna.datasources.csv_tables import CSVDataParse
from sedna.datasources.json_annotations import JSONDataParse
from sedna.datasources.txt_lists import TxtDataParse

__all__ = ("BaseDataSource", "CSVDataParse", "JSONDataParse", "TxtDataParse")
