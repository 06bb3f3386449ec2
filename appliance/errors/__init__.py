"""The product's vocabulary of trouble: one class per situation, its docstring the sentence.

Where a class stands says what it is about; from outside all are imported from here.
"""

from appliance.errors.base import *
from appliance.errors.box import *
from appliance.errors.card import *
from appliance.errors.identity import *
from appliance.errors.image import *
from appliance.errors.link import *
from appliance.errors.network import *
from appliance.errors.peer import *
from appliance.errors.spare import *
from appliance.errors.trust import *
from appliance.errors.update import *
from appliance.errors.way import *
