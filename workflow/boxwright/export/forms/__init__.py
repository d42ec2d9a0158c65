"""Writers of the forms of an exported detector, one module for each form; `catalog.forms` lists the forms."""
