"""How each form of an exported detector is written, one module a form; `catalog.forms` lists them."""
