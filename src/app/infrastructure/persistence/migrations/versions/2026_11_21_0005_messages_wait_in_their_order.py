"""messages wait in their order

Revision ID: 0005
Revises: 0004
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = '0005'
down_revision: str | Sequence[str] | None = '0004'
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.add_column('dead_letters', sa.Column('key', sa.String(length=255), server_default='', nullable=False))
    op.add_column('dead_letters', sa.Column('state', sa.String(length=10), server_default='dead', nullable=False))
    op.add_column(
        'dead_letters',
        sa.Column('available_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    )
    op.create_check_constraint(op.f('ck_dead_letters_state'), 'dead_letters', "state IN ('waiting', 'behind', 'dead')")
    op.create_index('ix_dead_letters_queue_key_id', 'dead_letters', ['queue', 'key', 'id'], unique=False,
                    postgresql_where=sa.text("key <> ''"))
    op.create_index('ix_dead_letters_queue_available_at', 'dead_letters', ['queue', 'available_at'], unique=False,
                    postgresql_where=sa.text("state = 'waiting'"))


def downgrade() -> None:
    op.drop_index('ix_dead_letters_queue_available_at', table_name='dead_letters')
    op.drop_index('ix_dead_letters_queue_key_id', table_name='dead_letters')
    op.drop_constraint(op.f('ck_dead_letters_state'), 'dead_letters', type_='check')
    op.drop_column('dead_letters', 'available_at')
    op.drop_column('dead_letters', 'state')
    op.drop_column('dead_letters', 'key')
