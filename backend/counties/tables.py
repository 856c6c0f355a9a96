"""The county as a row, for other rooms' rows to point at."""

from piccolo.columns import Serial, Varchar
from piccolo.table import Table


class County(Table):
    """One of the 58. `fips` is the Census code with the state's 06, `ocd_id` the Open Civic Data
    division. Names and codes come from the gazetteer; `python -m backend load` keeps them so."""

    id: Serial
    slug = Varchar(length=40, unique=True)
    name = Varchar(length=40)
    fips = Varchar(length=5, unique=True)
    ocd_id = Varchar(length=80, unique=True)
