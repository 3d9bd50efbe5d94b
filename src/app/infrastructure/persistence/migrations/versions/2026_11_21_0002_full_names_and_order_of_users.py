"""full names and order of users

Adding the column writes the table anew, under a lock that lets nobody read it meanwhile.

Revision ID: 0002
Revises: 0001
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = '0002'
down_revision: str | Sequence[str] | None = '0001'
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.add_column('users', sa.Column(
        'full_name',
        sa.String(length=101),
        sa.Computed("nullif(btrim(coalesce(first_name, '') || ' ' || coalesce(last_name, '')), '')", persisted=True),
        nullable=True,
    ))
    op.create_index('ix_users_created_at_id', 'users', ['created_at', 'id'], unique=False)


def downgrade() -> None:
    op.drop_index('ix_users_created_at_id', table_name='users')
    op.drop_column('users', 'full_name')
