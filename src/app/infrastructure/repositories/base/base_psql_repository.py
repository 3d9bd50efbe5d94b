from src.app.infrastructure.repositories.base.core import Thing
from src.app.infrastructure.repositories.base.guards import SecurityValidator
from src.app.infrastructure.repositories.base.lookups import PSQLLookupRegistry
from src.app.infrastructure.repositories.base.query import QueryBuilder
from src.app.infrastructure.repositories.base.reads import Reads
from src.app.infrastructure.repositories.base.writes import Writes


class BasePSQLRepository(Reads[Thing], Writes[Thing]):
    """A collection of one kind of thing, kept in one PostgreSQL table.

        class UsersPSQLRepository(BasePSQLRepository[UserAggregate]):
            model = User
            composites = {"email": (Email, "email")}
            violations = {"uq_users_email": EmailTakenError}

        users = UsersPSQLRepository(unit_of_work)
        await users.get_list({"city": "Rome", "age__gte": 18}, order_data=("-created_at",))

    Made with a unit of work it runs in its transaction; made with a database, or with nothing,
    each call is a transaction of its own. A filter maps `column[__json__path]__lookup` to a value;
    `Q` objects join filters by AND, OR and NOT.

    `model` is the table; fields map to columns by name. What does not is declared: `composites`
    (a value object and its columns), `renamed` (a field and its column), `violations` (a
    constraint and the error that names its rule).
    """


__all__ = ["BasePSQLRepository", "PSQLLookupRegistry", "QueryBuilder", "SecurityValidator"]
